// Package mirrored reads copies of logs as the logs themselves. A replicator copies a log
// record by record, but its copies stand at other offsets, and a log judges itself by the
// offsets at which it was written (docs/wire.md). This package puts them right between a
// partition and whatever judges it: a copy is read with the offsets of the log that it is
// a copy of, and without the headers that the replicator has added. So judges, folds,
// snapshots and sequence numbers need not know.
//
//	partition ──▶ mirrored.Log ──▶ Reader, Follower, Snapshots, Host
//	 target         origin              offsets
//
// A log is a copy if its first record is one, which its provenance proves. Then only those
// records count that are copies of the same partition as the first one; all others are
// strangers, which are counted and passed over. The newest generation counts alone: the
// log begins where that begins, which is what remains if the source was created again.
// A log of which the first record is no copy is read as it is, and costs nothing.
//
// Invariants: what is read of a copy is what was read at its source, record by record and
// byte by byte, up to where the copy ends. Nothing is written to a copy. A page has another
// term whenever the copy may have changed below the end that was shown, so that followers
// compare.
//
// An offset of the source is found by binary search between places that are known, of
// which there is one for each page that was read. On a crash nothing is left.
// Decisions: docs/adr/0028-copies-are-read-as-what-they-are-copies-of.md.
package mirrored
