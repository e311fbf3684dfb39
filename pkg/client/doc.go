// Package client is how Go programs and the command line ask Spanway for work
// and read what became of it.
//
// It writes commands to tasks.requests and reads tasks.events (the owned log,
// through package eventlog, so that only what counts is seen). There is no server
// to ask, so read access to the topics suffices. Of a task it knows the state and
// the result; lists, and why a task waits, are asked of the command line.
//
//	Submit        a task is durable when it returns
//	SubmitAsync   the same for many, without waiting for each
//	Do, Wait      until a task has ended, with its result; Wait also waits for one
//	              that was not submitted yet, so give its context a deadline
//	Cancel, CancelMany, Retry, Drain, Resume, Configure
//	              until the scheduler has decided, or a *Refused with its code
//	ImportPool, PromotePool, ReplacePool
//	              the same, for pools that move between sites
//	Watch         events as they come
//	Replay        gives a dead letter another chance
//
// Commands are sent by one producer in batches that grow with the load; each
// partition of tasks.events that something waits on is read by one tail, shared by
// all that wait. A tail begins where the log ended before the first command was
// sent, so nothing is missed. An answer to a command is recognised by the input
// positions of the batches that count: once they pass the command, it was
// decided, and what was not refused took effect.
//
// What reads is an eventlog.Follower: it survives restarts of brokers, and a log
// that lost its tail and grew again; what was learnt from what is lost is forgotten,
// and the answer is what is decided anew. An error that trying again does not mend
// (eventlog.Final) ends what waits; others are told to Config.Logger.
//
// A Client keeps nothing that matters: after a crash, submit again under the
// same task ID (within the window it is the same task) and Wait.
package client
