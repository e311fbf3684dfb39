// Package verify is the command verify. It feeds every log of the catalogue that judges
// itself to the judges of internal/verify, and prints what they found.
//
// When a log gets rules of its own there, it gets a case in judge.
package verify
