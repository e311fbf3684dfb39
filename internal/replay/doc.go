// Package replay runs what a pool was asked for once more, through the scheduler's
// own core in virtual time, on other engines or under another policy, and says
// what would have been different.
//
//	tasks.events ──Recorder──▶ Recording ──Run──▶ Outcome ──Compare──▶ Report
//	                              │                  ▲
//	   facts: requests, cancels,  │                  │ decisions: placements,
//	   engines, how long attempts │                  │ backoffs, expiries, deaths,
//	   took and how they ended    └── Fleet, Policy ─┘ by placement.State
//
// Facts are taken from the record, decisions are made anew. It is pure: events go
// in, a report comes out; there is no clock, and equal inputs give equal bytes.
//
// # What is assumed
//
//   - An attempt takes on any engine, from its assignment to its end, what it took
//     in the record, and ends in the same way. Attempts that were lost, returned,
//     refused or cancelled say nothing of that.
//   - What never ran to an end takes the median of its kind, at least as long as it
//     ran, and succeeds. If nothing of its kind ever ended, what was running runs on
//     until it is cancelled, and what was not takes the median of all.
//   - Requests, cancels and, unless a fleet is given, the engines' comings and
//     goings happen when they happened.
//   - Deciding takes no time.
//
// The record is also run again unchanged. That baseline is what the replay is
// compared with, so a difference comes from what was changed and not from the
// assumptions; how far the baseline is from the record itself is part of the report.
// For a log in which deciding took no time they are equal: facts of one millisecond
// between which the record has placements are told apart (Recorder, turn).
package replay
