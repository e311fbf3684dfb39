// Package compare is the pure core of the audit: it judges whether a partition is a true
// copy of one in another cluster. It has no clock and no I/O, and shares no code with what
// makes copies: it knows of it the two headers of provenance (docs/wire.md), and which
// records a link copies (docs/replication.md).
//
//	source ──pages──▶ Stream ──▶ Windows, Result
//	target ──pages──▶   │
//	                    └─ Next: which side to read, from where
//
// A Stream goes along both sides at once, in the order of the source's offsets, and looks
// at each record. Keys compares what compaction has left: the newest record of each key.
//
// # What is found
//
//   - Missing: a record of the source that should be in the target is not.
//   - Extra: a copy that should not be there: of a record that the source does not have, or
//     that the link does not copy.
//   - Differs: key, value, headers, timestamp or trail are not those of the source.
//   - Duplicate: a record was copied twice.
//   - Disorder: a copy stands behind one of a later record.
//   - Foreign: a record that is no copy of this source, in a target that has no other
//     writers.
//   - Stale: a key that the source has deleted, and the target has still.
//
// # What was declared
//
// Which records a link copies may change. Each is judged by what was declared when the copy
// came to its offset, which the checkpoint of the copy says (Config.Declared): what was passed
// over then is counted by itself (Result.Passed).
//
// # Generations
//
// A source that was created again, or lost its end, is copied anew under a higher
// generation. Copies of earlier generations count where the source has that very record
// still; others are of a source that is gone, and are only counted.
//
// # Invariants
//
//   - Memory is bounded: of both sides it holds a page, and what is missing in two windows.
//   - The ends of both sides are fixed before the reading begins, the source's first. What
//     was copied later is not judged, and what is not copied yet is counted as behind.
package compare
