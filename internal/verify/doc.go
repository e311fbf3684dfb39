// Package verify judges partitions of tasks.events: from the records alone, it
// finds out which of them count, and whether the events that count keep the
// guarantees of docs/guarantees.md:
//
//	G1  an accepted task ends in exactly one terminal event
//	G2  at most one result of a task is accepted, under the current token,
//	    which grows with every assignment
//	G3  at every prefix the needs of the unfinished attempts on an engine are
//	    within its allocatable capacity
//	G4  every assignment satisfied its predicate on the engine view it names,
//	    on an engine that handles the kind, was there and was not draining
//	G6  after a claim counts, nothing that an older owner writes counts; owners
//	    decide on the log's own history, under IDs that grow; no engine was told
//	    of an assignment that does not count
//
// It shares no code with what it judges: the rule of what counts and the effect
// of each event are written here a second time, from wire.md. It imports the
// schemas, CEL and the hash, never a core. It reads nothing and asks nobody:
// the caller feeds it, in the order of offsets, every record of a partition
// from its beginning.
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
package verify
