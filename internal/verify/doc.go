// Package verify judges partitions of tasks.events: from the records alone, it
// finds out which of them count, and whether the events that count keep the
// guarantees of docs/guarantees.md:
//
//	G1  an accepted task ends in exactly one terminal event, and its payload
//	    is not deleted before
//	G2  at most one result of a task is accepted, under the current token,
//	    which grows with every assignment
//	G3  at every prefix the needs of the unfinished attempts on an engine are
//	    within its allocatable capacity; an assignment's needs are also within
//	    what the engine's newest measurement leaves, and it finds fewer tasks of
//	    its limit key running than its limit
//	G4  every assignment satisfied its predicate on the engine view it names,
//	    on an engine that handles the kind, accepts the task, was there, was not
//	    draining and not reserved for a task that goes before; it came not before
//	    its time, nor before the tasks it is to run after had succeeded
//	G5  what only a newer version of the fold knows stands behind the raise to
//	    that version, and versions grow (that equal logs give equal states is for
//	    others to show: there is no state here)
//	G6  after a claim counts, nothing that an older owner writes counts; owners
//	    decide on the log's own history, under IDs that grow; no engine was told
//	    of an assignment that does not count
//
// It shares no code with what it judges: the rule of what counts and the effect
// of each event are written here a second time, from wire.md. It imports the
// schemas, CEL and the hash, never a core. It reads nothing and asks nobody:
// the caller feeds it, in the order of offsets, every record of a partition
// from where it begins.
//
//	p := verify.NewPartition("spanway.tasks.events", 3, verify.Options{})
//	for each record { p.Feed(&record) }
//	report := p.Report()
//
// Records that do not count are no violation as long as they are what a log of
// this kind may hold: leftovers of older owners, repeats, foreign or broken
// records. They are counted by reason. But a batch of the current owner that
// was decided on another history is a finding: either records that were
// acknowledged are gone, or an owner counted what does not count. So is a report
// that was rejected as stale but is on an attempt that was never assigned: what
// is published before it counts shows in the log when an engine acts on it.
//
// Reservations are judged by the order that the log shows: acceptance time, or the
// time that the task must not be assigned before if that is later, less a minute
// for each level of priority, then acceptance. Who of several tenants
// goes first within a priority is a matter of fairness, which counts what each of
// them was given; so a reservation is judged between tasks of different priority
// or of one tenant only. What prefer gave, and whether a task waited too long, are
// no guarantees and not judged.
//
// A log whose beginning was deleted is judged from the first batch that stands
// where its writer expected it. Tasks, engines and tokens of before are taken as
// they are met, with the benefit of the doubt: nothing is found that a sound past
// would excuse, and the report counts what could not be judged. Capacity is judged
// only of engines whose registration was seen.
//
// LOSS is a class of its own. The log says itself (log.tail_lost,
// log.loss_accepted) that acknowledged records are gone; then batches that were
// decided on them, and reports on attempts that they assigned, are no owner's
// fault, and what is left is judged as any log is.
package verify
