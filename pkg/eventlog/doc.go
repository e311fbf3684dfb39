// Package eventlog is the heart of Spanway: logs that judge themselves. It owns
// the rule by which every reader decides which records of an owned log count
// (wire.md, "Owned logs"), the reader that applies it, and the runtime of a
// log's owner. It talks to a partition only through Log, an interface of two
// methods, so the same code runs on Kafka, in memory and in the simulation.
//
// # Owned logs
//
// A batch names the history that it was decided on. It counts if that is the
// history on which it lands and its epoch is the current one, whole or not at
// all. A claim counts if its epoch is the next one, and enters the history: so
// nothing that an older owner still sends can fit any more.
//
// # An owner
//
//	       fold to the end      append claim       read it back
//	Run ───────────────▶ folded ────────────▶ claimed ─────────▶ owning ──┐
//	 ▲                                            │                │  ▲    │ round: inputs,
//	 │                                            │ another's      │  └────┘ decide, append,
//	 │   gave up, lost tail, moved:               ▼ claim          │         publish
//	 └── drop everything tentative ◀──────── ErrDisowned ◀─────────┘ newer claim
//
// An owner is one goroutine. It reads inputs, decides, applies its own events
// tentatively, appends them as one batch, and only when that batch counts are
// they published. An acknowledged offset that is the expected one proves that
// nothing came between; any other one makes it read and judge like everybody.
//
// # Invariants
//
//   - Nothing is published before it counts.
//
//   - A batch holds whole inputs: its header spanway-inputs and its events are
//     from the same decisions.
//
//   - A core knows its events at the offsets at which every reader finds them.
//
//   - Events are published in their order, however many rounds it takes to read what
//     they refer to, and again from the last LogPublished by every new owner;
//     receivers drop what they have.
//
//   - A snapshot is taken when nothing is tentative, right behind a batch of its
//     owner, and written only if the log, judged anew, has that history there.
//
//   - Nothing is deleted that the older of two restored snapshots does not hold, or
//     that the state refers to; the log says so before it is done.
//
// # Snapshots
//
//	         due, tail confirmed      judged anew, chunks, manifest
//	growing ────────────────────▶ taken ────────────────────▶ written
//	   ▲                                                         │ read back, restored,
//	   │  pruned, inputs deleted, truncation proposed            ▼ written again: same bytes
//	   └──────────────────────────────────────────────────── verified
//
// A Housekeeper does what stands right of "taken", beside the owner's loop. An
// owner begins at the newest usable snapshot, a Reader by NewReaderFrom. Snapshots
// count by log offset; when they arrived, and who wrote them, is nothing.
//
// # Losses
//
// LostError: the tail is gone. The owner drops its fold, passes the snapshots of
// what is gone, claims anew, with the news in the claim for whoever comes after a
// crash, and says LogTailLost first; Receivers are told to lower their marks. A
// WitnessError of its Inputs tells of a loss that others saw.
// LossError: the beginning is gone and no snapshot is left; Reset is the remedy.
// VersionError: the log needs a newer binary.
//
// # On a crash
//
// Nothing is saved but snapshots, and none is needed: one that is cut short has no
// manifest. The next owner folds the log, claims it, publishes what may be
// unpublished, and reads its inputs on from where the last batch says.
package eventlog
