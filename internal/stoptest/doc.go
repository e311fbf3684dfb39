// Package stoptest stops processes that tests have started.
//
// A signal is sent before it works: the kernel gives SIGSTOP to one thread of a process,
// which stops the others once it runs itself. On a busy machine they go on for a while, and
// may still answer.
package stoptest
