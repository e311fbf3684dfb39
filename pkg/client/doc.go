// Package client is how Go programs and the command line ask Spanway for work
// and read what became of it.
//
// It writes commands to tasks.requests and reads tasks.events (the owned log,
// through package eventlog, so that only what counts is seen). There is no server
// to ask: every answer is a fold that the client makes itself, so read access
// to the topics suffices.
//
//	Submit        a task is durable when it returns
//	SubmitAsync   the same for many, without waiting for each
//	Do, Wait      until a task has ended, with its result; Wait also waits for one
//	              that nobody has submitted yet, so give its context a deadline
//	Cancel, CancelMany, Retry, Drain, Resume
//	              until the scheduler has decided, or a *Refused with its code
//	Watch         events as they come
//	Tasks, Engines, Why
//	              the state of tasks and engines, read to the end of the log or to
//	              a moment of the past (At)
//	WhatIf        what would become of a request that nobody has sent
//	Events        everything that counts, for folds of your own
//
// Commands are sent by one producer in batches that grow with the load; each
// partition of tasks.events that something waits on is read by one tail, shared by
// all who wait. A tail begins where the log ended before the first command was
// sent, so nothing is missed. An answer to a command is recognised by the input
// positions of the batches that count: once they pass the command, it was
// decided, and what was not refused took effect.
//
// A Client keeps nothing that matters: after a crash, submit again under the
// same task ID (within the window it is the same task) and Wait.
package client
