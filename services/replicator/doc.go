// Package replicator is the service that copies topics of other sites into its own. It
// pulls: the replicators of a site write to its cluster only. Several of them share the
// copies; one more or one less touches only the copies that move.
//
//	replication.links ────────┐
//	source: its topics, and   │                       ┌─▶ Copier (package copying), one for
//	replication.applications ─┼─▶ selection.Select ───┤   each partition: source ─▶ target
//	target: its topics ───────┘   (pure)              ├─▶ topics created, grown, set
//	group: what is this one's ────────────────────────┴─▶ replication.status
//
// # Topics
//
// In: <prefix>replication.links of its own cluster, <prefix>replication.applications of
// each source, and the topics that links choose. Out: the target topics;
// <prefix>replication.checkpoints, <prefix>replication.status and <prefix>deadletter of its
// own cluster. The links' snapshots are written by one replicator of the site.
//
// # What runs
//
// Whatever changes (a link, a topic on either side, the share of this process) leads to a
// new selection. It is compared with what runs: a copy whose configuration is the same goes
// on untouched; others are stopped, started or begun anew. Copies are shared out by the
// consumer group <prefix>replicators over the partitions of replication.checkpoints: a copy
// belongs to the member that has the partition of its ID. When the group forms anew, copies
// go on until it is known who has them: two that run for a moment are told apart by the
// fence of the target partition.
//
// Snapshots are admitted by package admission, so many at once: a copy asks for each page of
// its snapshot but the first one.
//
// Topics that are copies at the source are looked through for a record that is to be copied on,
// page by page from the beginning each time a process begins: before that no target is made.
//
// What this process copies it audits, too, by package audit: a window at a time, no faster
// than it may be. A copy that is no true one is a problem of its link.
//
// # Invariants
//
//   - Of two links into one target topic one alone copies: that whose claim stands first in
//     replication.status. A copy begins once its replicator has read a claim of its link there.
//   - A topic that a replicator has made at the source has no target here before a record was
//     seen in it that is copied on.
//   - A target partition exists before the first record of its source is read.
//   - What stops a copy or a link (a source that is away, a refused topic, a foreign
//     writer) stops no other.
//   - What is chosen and not copied is told in replication.status, with the remedy.
//   - The target's newest copied record is never deleted.
//
// # On a crash
//
// Nothing is lost: what stands in the targets, and the checkpoints, say where to go on.
// The group gives the copies to another member within its session, 6 s.
package replicator
