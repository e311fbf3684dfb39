// Package chain judges the chain of any owned log: from the records of a partition
// alone, it finds out which of them count, and whether its owners kept the rules
// of wire.md, "Owned logs":
//
//	G5  versions of the fold grow
//	G6  after a claim counts, nothing that an older owner writes counts; owners
//	    decide on the log's own history, under hashes that are those of what they
//	    wrote and IDs that grow
//
// What the events that count mean is judged by Contents, of which each kind of log
// has its own: package tasks is that of tasks.events. To add one, write a package
// beside it whose Partition has a *chain.Partition, and implement Contents. Without
// contents the chain alone is judged.
//
// It shares no code with what it judges: the rule of what counts is written here a
// second time, from wire.md. It reads nothing and asks nothing: the caller feeds
// it, in the order of offsets, every record of a partition from where it begins.
//
// Records that do not count are no violation as long as they are what a log of
// this kind may hold: leftovers of older owners, repeats, foreign or broken
// records. They are counted by reason. But a batch of the current owner that
// was decided on another history is a finding: either records that were
// acknowledged are gone, or an owner counted what does not count.
//
// A log whose beginning was deleted is judged from the first batch that stands
// where its writer expected it.
//
// What is over (batches that counted) is remembered in a Memory, which the caller gives:
// on the heap, where it grows with the log, or elsewhere (package spill). All else that is
// kept is of fixed size, but for findings, of which Options bound the number.
//
// LOSS is a class of its own. The log says itself (log.tail_lost,
// log.loss_accepted) that acknowledged records are gone; then batches that were
// decided on them are no owner's fault, and what is left is judged as any log is.
package chain
