// Package scheduler is the shell of system A's scheduler: it owns partitions of
// tasks.events and runs the pure core, package placement, on each of them.
//
// Topics in: tasks.requests and engines.reports, the partitions with the same
// number as the owned one. Topics out: tasks.events (the owned log), and, caused
// by events that count: tasks.assignments, tasks.requests (what belongs to
// another partition), deadletter. Partition key: the pool (of assignments: the
// engine).
//
// Package logowner runs the owners: membership, inputs, publishing, snapshots. Here is
// what only a scheduler has: which input is decided first and by which silence is
// measured, requests that get a trace (roots), spans of tasks (traces, narrator),
// engines that have seen more of the log than there is (witnesses), news for engines
// of how far their reports were read (echoes), and the figures of pools.
//
// Nothing needs to be saved on a crash; see package logowner.
package scheduler
