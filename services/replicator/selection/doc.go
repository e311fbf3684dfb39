// Package selection is the pure core that tells which copies a site wants: from its links,
// the topics of their sources and its own topics. It has no clock, no I/O and no state.
//
//	links, groups      ─┐
//	topics of sources  ─┤            ┌─▶ copies (a mirror.Config each)
//	applications       ─┼─▶ Select ──┼─▶ changes: topics to create, grow or set
//	topics of the site ─┤            ├─▶ problems: what is not copied, and the remedy
//	what links hold    ─┤            └─▶ awaited: topics of copies, without a target
//	what was selected  ─┘
//
// # Invariants
//
//   - A copy is wanted only where its target partition exists: topics are created and grown
//     first.
//   - A target topic has one source, unless all its links are declared shared. Of several
//     the one that is told to copy into it keeps it (Input.Held, which all replicators of a
//     site read, so that they agree), also while its source is away; then the one that was
//     selected before, or else the one whose link is older.
//   - What is added (a link, a topic, a group) changes the configuration of no copy that
//     was wanted before.
//   - What is chosen and not copied is a Problem, never silent.
//   - A target is made of a topic that a replicator has made at the source only once a record
//     of it was seen that is copied on (Input.Counting): else of two links there and back each
//     would copy the topics that the other one makes. Names decide nothing.
//
// # Never copied
//
// Topics that Kafka keeps for itself, and the logs of replicators (replication.*): links,
// checkpoints and reports are of one cluster. Nothing is copied into the logs of the site's
// own services; with a prefix in the link they have other names.
//
// # Settings
//
// The settings of an exclusive target topic follow the source (Followed), but not those that
// are matters of one cluster (NotFollowed). A shared one gets them when it is created, and
// is its site's own from then on: two links both ways would follow each other. So is that of
// a link that was failed over, or that leads back from one.
package selection
