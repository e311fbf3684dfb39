// Package placement is the pure core of the scheduler: the fold of one
// partition of tasks.events, and the decisions that lengthen it.
//
// In: commands from tasks.requests and reports from engines.reports, each made
// ready by a Preparer, and the time. Out: events for tasks.events, and for some
// of them, once they count, a record for tasks.assignments, the dead letters or
// another partition of the inputs (Publish).
//
//	request ─▶ accepted ─▶ WAITING ──assigned──▶ ASSIGNED ──started──▶ RUNNING
//	   │                    ▲  │                     │                    │
//	   ▼                    │  ├─▶ expired           ├─▶ succeeded ◀──────┤
//	rejected, repeated,     │  ├─▶ cancelled ◀───────┤                    │
//	forwarded               │  └─▶ dead-lettered     ├─▶ failed (final) ◀─┤
//	                        │                        │                    │
//	                        └─ retry scheduled ◀─ attempt failed ◀────────┤
//	                        └─ returned, refused, engine lost or departed ┘
//
// Invariants, each with a property test:
//   - A task that was accepted is in the pool's list until exactly one terminal
//     event, and is waiting or on exactly one engine.
//   - The needs of an engine's attempts are within what it can allocate, and those
//     of each were within what it measured as left when it was assigned.
//   - A token is given once, and tokens grow, over losses of the log, too; results
//     under another are refused.
//   - A task is within the limit of its key, after all that it comes after, and on
//     no engine that is reserved for one that goes before it.
//   - Every TaskAssigned had a true predicate on the state before it, which is
//     what its view names; the engine accepted the task, and no other that could
//     have taken it had a higher score.
//   - Equal events give an equal Snapshot, and so an equal Hash, whoever folds them;
//     what is not folded (heartbeats, timers, payloads in memory, the index for
//     placing) is in neither. A State restored from one does what the other does.
//
// An engine is its newest incarnation: the one that begins to read furthest on of those
// that register while it is there (of equals the highest), or any other than the last
// once that is gone. Hosts' clocks differ, so they decide as little as can be.
// It frees the work of the one before it, as a loss does. Lost engines stay
// known for a while, so that what they still report is recognised as old. A drain
// because it leaves ends with the incarnation; one by command holds for the ID
// until it is resumed: what registers is drained in the same batch. An attempt
// that an engine refuses pauses a second before it is placed again. One that is
// lost costs an attempt, even if it was never started or its assignment was
// never read: nobody can know. So a task with one attempt is dead-lettered.
//
// Order: waiting tasks go by accepted_at - priority * 1 minute, then by
// acceptance, so a task gains one priority a minute without anything being
// recomputed. It is first come, first served among equals; a task that comes
// back keeps its place. One that is not to begin before a time goes by that time.
// Who does not fit is passed over. From version 2 on
// (docs/adr/0009):
//   - Tenants of a priority share it by weight: who was given least, by its tag,
//     goes first, and nobody is owed anything for time that is past. A priority has
//     its turn by its oldest candidate.
//   - A task with a limit key is assigned while fewer than its limit of that key
//     run. Groups at their limit are parked, and woken by a release of the key.
//   - A task waits for those that it comes after. If one ends without success, or
//     stays unknown for as long as ended tasks are remembered, it is cancelled.
//   - An engine is reserved for a task that was passed over for long because it is
//     larger than what becomes free: the engine takes only what goes before it.
//
// Cost: predicates that read only what a class of engines shares are evaluated
// once per class. Tasks that no engine can tell apart form a group, groups with
// equal needs and classes a lane; a lane that fits nowhere is blocked until
// capacity it could use is freed. Predicates that read what changes are
// evaluated again only on engines that changed and have room, within a budget.
// What engines accept is evaluated once per class and group, preferences over
// classes too: they sort a lane's engines into tiers. Preferences over what changes
// are evaluated as such predicates are; besides, each candidate is looked at for
// each task. Tasks that read what runs on nodes look at all engines of a node when
// one has changed; others do not notice.
// When nothing changes, nothing is evaluated. What has no predicate is placed at
// once, however many wait to be evaluated. A call emits at most 2,000 events of
// at most 900 KiB; texts of others are cut to 2 KiB (messages) or 256 bytes
// (reasons and codes), so one event more is always within a batch.
//
// Usage: what engines measure becomes an event when it has moved by a sixteenth of
// what is allocatable; see observe. It bounds each assignment, not the sum of them.
//
// Time: events are of the owner's clock, but never before an event that stands
// already: an owner whose predecessor's clock was ahead goes on from there, slower
// by a sixteenth until they are level. Backoffs and schedule timeouts go by that
// time. Leases and the backstop of execution timeouts go by the owner's clock
// alone. The IDs of ended tasks are forgotten after a day of the log's life: the
// steps between its events, each counted as a minute at most. A wrong clock
// therefore neither ends leases nor makes the log forget, and where nothing
// happens the day is longer.
//
// Partitions: a request or the cancel of one task that came to the wrong
// partition is forwarded. All else is refused there (WRONG_PARTITION), because
// what is forwarded may come twice.
//
// Payloads stay in the log: folded are the offset and the length of each. As many
// as PayloadBytes allows are in memory, too, the oldest first; where one is not,
// Publish says which event it Misses. A retry by hand refers to the payload of the
// first request. Live tasks and unpublished dead letters hold the log (Floor); who
// ended is forgotten with LogTruncated, if a payload of his goes.
//
// Imports: what the scheduler of another site had of a pool comes in parts, whose tasks are
// folded and wait aside until PoolPromoted names them; then they join those of the pool, in
// the order of when they were accepted there (docs/adr/0042). Keys of tasks that ended there
// are remembered with those of here, but count only in pools that were imported: a key does
// not tell its pool. A pool that was replaced is let alone: Advance does nothing for it,
// commands are refused, and reports are taken as ever. What it still has when it is imported
// in turn is forgotten. HandOver gives what is imported elsewhere.
//
// Absurd events: what counts is folded whatever it says, and an owner goes on from it
// (fits.go, moment). Times beyond the year 9999 are the end of it, names and texts that no
// request can have are not folded or cut, tokens leave room above. A fold version that is
// not known is the one thing that stops it.
//
// Snapshots: a codec visits all that is folded, to write it or to read it; see
// there. Add a field to its visitor, once for both directions, and the test that
// looks at every field is content.
//
// Versions: a log is folded by version 1 until LogFoldVersionRaised. Until then
// later fields of requests are refused and later events ignored, as releases do
// that do not know them; such a release stops at the raise (Err). An owner raises
// to Config.FoldVersion, but to version 2 at most, before anything else; to version 3
// before the first event of a pool that moves.
//
// Crash: everything decided is in the log or did not happen. Mass effects are
// one event (EngineLost, TaskBulkCancelStarted), whose consequences Apply
// derives and marks; Advance emits what the marks owe, a bounded amount at a
// time, so the next owner goes on where the last one stopped. It publishes again,
// alike, what no LogPublished covers, but for assignments that are over; the
// tasks of dead letters are held until then. What only the owner before knew is
// lost, and begins anew with the first Advance: when engines were heard of and
// attempts began (leases, backstops), how long tasks have found no room
// (reservations), how many heartbeats left out what is observed. All of it can only
// make the next owner later, never decide on what is not so.
package placement
