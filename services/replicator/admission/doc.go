// Package admission is the pure core that tells which snapshots a replicator copies now, and
// which wait. It has no clock, no I/O and no goroutines: every time is given to it.
//
//	        Ask              a place is free, or a turn is over
//	──────────────▶ waiting ───────────────────────────────────▶ admitted ──▶ Leave
//	                 ▲  ▲ ◀──────────── its turn is over ──────────┘ │
//	                 │  └── pause over ── pausing ◀── idle, overdue ─┤
//	                 └── Retry, Progress ── failed ◀── too often ────┘
//
// A snapshot is named by the ID of its copy. It asks once, and leaves when it has come to its
// end, or its copy does not run any more.
//
// # Who is next
//
// The oldest asker. A link that has its fair share of the places (all of them, divided by
// the links that have a place or wait for one, rounded up) is passed over while a link that
// has less waits. A snapshot that has had its place for Limits.Turn goes to the back of the
// line if another one is next.
//
// # What counts as a failure
//
// Only time in which a snapshot is admitted counts: Limits.Idle of it without progress, or
// Limits.Deadline of it in all. The place is free then; the snapshot asks again after a
// pause, which doubles with each failure in a row. After Limits.Retries of them it asks no
// more. Progress ends the row: a snapshot that goes on is never given up, and one that takes
// long gives way to others.
//
// # Invariants
//
//   - No more than Limits.AtOnce snapshots are admitted.
//   - No place is free while a snapshot waits.
//   - Each that asks is admitted in the end, as long as those that are admitted leave, or
//     their turns end.
//   - The same calls give the same events, in the same order.
//
// # On a crash
//
// Nothing is kept: snapshots ask anew, and go on from where their copies stand.
package admission
