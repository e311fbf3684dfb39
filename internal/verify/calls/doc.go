// Package calls judges the rule of any shared log: from the records of a partition alone,
// it finds out which of them are calls, which call each is a copy of, which are too late,
// and how the time of the log moves (docs/wire.md, "Shared logs"). What a call does is
// decided by Contents, of which each kind of shared log has its own: package queue is that
// of queues, package spaces that of ids.events.
//
// It shares no code with what it judges. It reads nothing: the caller feeds it, in the
// order of offsets, every record of a partition from where it begins. A log whose
// beginning was deleted is handed to Contents as such: which calls are copies of what was
// deleted, and what the state was, is not known then.
package calls
