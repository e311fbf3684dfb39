// Package queue is a queue that every host sees in the same order: any process can put
// entries in, list them, take out any of them, claim them for a while, and watch. There is
// no service: each process folds the queue's log, which is the judge (package sharedlog), and
// all are equal. It owns the log <prefix>queue.<name>, one partition, and its snapshots.
//
//	q, err := queue.Open(ctx, cluster, "orders", queue.Options{})
//	e, err := q.Enqueue(ctx, queue.Item{Payload: payload})   // e.Seq is its place, for ever
//	page, err := q.Entries(ctx, after, 100, true)            // the ordering
//	err = q.Remove(ctx, id, "cancelled")                     // nil for exactly one call, ever
//	work, err := q.Claim(ctx, queue.Request{Lease: time.Minute})
//	err = q.Done(ctx, id, work.Token)
//	err = q.Replicate(ctx, applied, apply)                   // state machine replication
//
// # Answers
//
// An answer comes from the fold of the log, never from an acknowledgement of the broker. A
// refusal is a *Refused, which says what to do; compare it with ErrFull and its like. If a
// context ends before the verdict is known the error wraps a *sharedlog.UnknownError: the
// call may have been accepted, or may yet be. Resolve tells. An entry that is enqueued again
// under its ID is not put in twice, so an Enqueue of unknown outcome can simply be repeated.
//
// A read with a barrier is linearizable: it sees everything that was acknowledged before it
// began. A read without one sees what this host has folded, and says how far that is.
//
// A handle is of the queue that was opened. Once that is deleted, all that waits or is asked is
// ErrDeleted, also if another queue has its name by then: the calls of the handle name the
// creation of its own, and its host reads the topic of one ID.
//
// # Sequences
//
// A writer that must put entries in once, in order and without a gap, also if it dies and another
// one goes on, numbers them: in a queue whose Rules.IDs are QUEUE_IDS_SEQUENCE an ID is a term and
// a number (Sequence), and every host refuses what is not next, or of an older term
// (ErrOutOfSequence, ErrOldTerm). Info.Last is from where the next writer goes on. Trim takes out
// all entries up to a number.
//
//	i, err := q.Info(ctx, true)
//	_, err = q.Enqueue(ctx, queue.Item{ID: queue.Sequence{Term: epoch, Number: i.Next}.String()})
//
// # Listing
//
// What only lists a queue needs not be its host. List reads the newest snapshot as a stream
// into a temporary file and folds what follows into it, many calls at a time, by the same
// rules (sharedlog.FileFold, order.Parts). Its memory follows the calls that are folded at
// once and the entries that have claims; how many entries there are shows in the file only.
// The result is that of a host at the same offset.
//
// # Claims
//
// A claim leases entries to a holder. The holder ends it with Done, which takes the entry
// out, or Release, or loses it when the lease ends; Extend makes it last longer. A claim's
// token grows from claim to claim of an entry: give it to what the work writes to, so that an
// older holder can be refused there. The time of leases is that of the log (sharedlog,
// "Time"): while no host is there to move it, no lease ends. Keep is
// such a host, of all queues.
//
// # Invariants
//
//   - The ordering is the same at every host, over snapshots, truncation and restarts.
//   - Remove and Done succeed once for an entry, in the whole system.
//   - What was removed never comes back.
//   - An entry has at most one claim.
//
// # On a crash
//
// A process that dies leaves its claims, which end with their leases, and calls that were
// on their way: each is in the log whole or not at all.
package queue
