// Package scheduler is the shell of system A's scheduler: it owns partitions of
// tasks.events and runs the pure core, package placement, on each of them.
//
// Topics in: tasks.requests and engines.reports, the partitions with the same
// number as the owned one. Topics out: tasks.events (the owned log), and, caused
// by events that count: tasks.assignments, tasks.requests (what belongs to
// another partition), deadletter. Partition key: the pool (of assignments: the
// engine).
//
// Which partitions this process works on is the consumer group's advice; who
// owns a log is decided by the log alone (package eventlog). So a partition's
// owner outlives the generation of the group in which it began: it ends when
// the group has given the partition to another member, when the log shows a
// newer claim, or with the service.
//
//	         assigned                     folded, claimed
//	idle ───────────────▶ claiming ───────────────────────▶ owning
//	 ▲                       ▲  └──────── newer claim ◀───────┤
//	 │        backoff        └──────────────────────────────-─┤ newer claim, lost tail,
//	 └──────────────────────── taken away by the group ◀──────┘ broker away too long
//
// One owner is one goroutine for decisions, one pump for each of the two
// inputs (they also decode and compile predicates, so a hostile one costs the
// loop nothing), and a producer for what is published.
//
// On a crash nothing needs to be saved: the next owner folds the log, finds the
// input positions in it, publishes again what the log does not say was
// published, and goes on.
package scheduler
