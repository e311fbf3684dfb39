// Package failover turns the direction of a link round: the site that has the copies is the
// one that is written to from then on, and the site that was the source copies from it.
// Failing back is the same, with the link that then leads back.
//
// # Steps
//
//	freeze ─▶ drain ─▶ audit ─▶ groups ─▶ link back ─▶ pause ─▶ turn ─▶ look back
//
// Freeze: the ends of the source's partitions are taken when no record has come for a while.
// Drain: the site's replicators have copied up to there. Audit: both sides are compared whole.
// Groups: the offsets of consumer groups are carried over. Link back: at the other site a
// link is declared and held back, or that of an earlier fail-over is taken; what stands in its
// targets below the recorded ends is tolerated. Pause: the link itself is paused with the
// number of the fail-over (replication.Link.FailedOver), and topics of the site that had the
// retention of a copy get that of the source. Turn: the link back is resumed. Look back: its
// replicators tell whether they can copy by it.
//
// The two links are never at work at once: each would have the settings of its topics follow
// the other's. A link back that is new is declared shared until it is held back, for a shared
// one follows no settings.
//
// If the source is away, and only if it is forced, the link is paused at once: what is
// known to be missing is reported. The same command makes the link back once the source answers.
//
// # Topics
//
// In: <prefix>replication.status of the site. Out: calls on <prefix>replication.links of both
// sites. Of the copied topics it only reads.
//
// # Invariants
//
//   - Until the pause nothing has changed that an attempt anew does not find: the link is
//     still that which copies.
//   - Of the link and its link back one at most is not paused, once both are declared.
//   - A record that is written to the source behind its recorded end stops the link back
//     (foreign_writer), and is copied when it is failed back.
//
// # On a crash
//
// The same command goes on.
package failover
