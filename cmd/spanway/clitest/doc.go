// Package clitest runs the command line in tests: in this process, against a whole
// system, with sessions that are compared with what testdata says.
package clitest
