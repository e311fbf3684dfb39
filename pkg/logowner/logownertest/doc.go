// Package logownertest is the contract of an owner's ports (package eventlog): Outbox,
// Inputs and Keeper. What package logowner makes of them passes it, and so do those of
// the simulation, or it would prove nothing about the others.
//
// A suite is given a function that sets a port up and calls a body with it: in a
// simulation the body runs in one of its processes. A body reports errors and returns;
// it never ends its goroutine.
package logownertest
