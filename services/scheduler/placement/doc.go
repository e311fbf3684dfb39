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
//   - The needs of an engine's attempts are within what it can allocate.
//   - A token is given once, and tokens grow; results under another are refused.
//   - Every TaskAssigned had a true predicate on the state before it, which is
//     what its view names.
//   - Equal events give an equal Hash, whoever folds them; what is not folded
//     (heartbeats, timers, the index for placing) is never hashed.
//
// An engine is its newest incarnation. A newer one frees the work of the one
// before it, as a loss does; draining ends with the incarnation. Lost engines
// stay known for a while, so that what they still report is recognised as old.
// An attempt that an engine refuses pauses a second before it is placed again.
//
// Order: waiting tasks go by accepted_at - priority * 1 minute, then by
// acceptance, so a task gains one priority a minute without anything being
// recomputed. It is first come, first served among equals; a task that comes
// back keeps its place. Who does not fit is passed over.
//
// Cost: predicates that read only what a class of engines shares are evaluated
// once per class. Tasks that no engine can tell apart form a group, groups with
// equal needs and classes a lane; a lane that fits nowhere is blocked until
// capacity it could use is freed. Predicates that read what changes are
// evaluated again only on engines that changed and have room, within a budget.
// When nothing changes, nothing is evaluated.
//
// Crash: everything decided is in the log or did not happen. Mass effects are
// one event (EngineLost, TaskBulkCancelStarted), whose consequences Apply
// derives and marks; Advance emits what the marks owe, a bounded amount at a
// time, so the next owner goes on where the last one stopped. Heartbeat times are
// lost: leases begin anew with the first Advance.
package placement
