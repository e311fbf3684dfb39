// Package copying is the shell of one copy: it takes the steps that mirror.Copy asks for,
// and tells it what came of them. It reads a partition of the source, appends to one of the
// target behind the broker's fence, saves checkpoints, and reports.
//
//	Source ──pages──▶ mirror.Copy ──batches──▶ Target
//	                      │
//	                      ├──▶ Checkpoints   at most once a second, and at the end
//	                      ├──▶ Letters       records that cannot be copied
//	                      └──▶ Report        when something changed
//
// A Copier owns its target partition from its Claim on, for as long as the broker's fence
// lasts, which it renews. It reads one page ahead of the one that is being appended.
//
// A record of a sampled trace gets a span of its copying, with the delay; its own
// traceparent arrives unchanged.
//
// Topics: it reads the source's topic and the end of the target's, and writes the target's,
// `<prefix>replication.checkpoints` and `<prefix>deadletter`, all three of the target's
// cluster.
//
// # Invariants
//
//   - What stands in the target decides where to go on; package mirror says how.
//   - Nothing is sent while whether the batch before stands is not known: the partition is
//     claimed anew, and its tail is read.
//   - Claims that fail, or do not last, are spaced: each uses up an epoch.
//   - What fails is tried again until the Copier is stopped, and told by the trouble board
//     and the Report. One copy's failure stops no other.
//   - It holds two pages at most, and a batch.
//   - Of a snapshot it reads one page unasked, and more while it is admitted. While it waits
//     for that it holds no page, and does what else is due.
//
// # On a crash
//
// Nothing is lost: the next Copier claims the partition and reads the tail. A batch that
// was under way stands in front of that claim, or never.
package copying
