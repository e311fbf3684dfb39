// Package mirror is the pure core of the replicator: how one partition of a topic is
// copied into a partition of another cluster, each record once and in order. It has no
// clock, no I/O and no goroutines: a Copy says which Step comes next, a shell takes it and
// tells the Copy what came of it.
//
// # The states of a copy
//
//	claiming ──▶ resuming ──▶ proving ──▶ beginning ──▶ snapshot ──▶ delta
//	   ▲            │            │                          │           │ ▲
//	   └────────────┴────────────┴──── outcome unknown ─────┴───────────┘ └─▶ sweeping
//	stopped: with a Reason, from each of them
//
// Claiming: the target partition is taken from every earlier writer, by the fence of its
// broker. Resuming: what stands in the target, and the checkpoint, tell where to go on.
// Proving: records that were copied are compared with those of the source, which may have
// been created again. Beginning: the checkpoint of a new generation, or of a declaration that
// was changed, is saved before the first record is read by it. Snapshot: records that stood in the source when the generation
// began; delta: those behind them.
//
// Sweeping: of a compacted source, when the copy was away from its end for longer than
// tombstones live. The keys of both sides are compared, and those that only the target has
// are deleted there.
//
// # Where to go on
//
// The newest record of the copy's own provenance in the target (events.ProvenanceOf)
// decides. A checkpoint says how far the source was read beyond it, where nothing was to
// be copied; it names that newest record, and counts only if that is the newest one
// still, or was deleted since from the front of the log. A checkpoint alone proves
// nothing: the target may have lost its tail, or have been created again.
//
// What was read is proven by comparing it with the source again, and by the IDs of the
// topics where the clusters tell them. Without IDs a copy survives any one loss; of several
// (the source loses its end twice within the records that are compared, or a target that
// was created again meets a zombie's checkpoint) it may copy records twice.
//
// # Invariants
//
//   - A record is appended only after a claim, and after the tail was read up to the
//     claim's end.
//   - What decided on each record that was passed over stands in the checkpoint (Declared).
//     It is saved before it decides, and read again after each claim, for others may have
//     decided meanwhile.
//   - One batch is in flight. After an unknown outcome the partition is claimed anew.
//   - Within a generation the origins in the target rise.
//   - Nothing behind a dead letter is appended before the dead letter stands.
//   - What cannot be copied, or was lost, is an Incident, never silent.
//
// # On a crash
//
// Nothing is kept but the target's records and the checkpoint: the next copy begins at
// claiming.
package mirror
