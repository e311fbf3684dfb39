// Package sharedlogtest is the contract of hosts of shared logs (package sharedlog): a
// suite that passes on every implementation of eventlog.Log, and a small core to run it
// with.
package sharedlogtest
