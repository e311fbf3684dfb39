// Package eventlog implements logs that judge themselves. It owns the rule by which
// every reader decides which records of an owned log count (wire.md, "Owned logs"),
// the reader that applies it, the follower that keeps a fold up to date, and the
// runtime of a log's owner. It talks to a partition only through Log, an interface of
// two methods, so the same code runs on Kafka, in memory and in the simulation.
//
// Logs with many writers are those of package eventlog/sharedlog. The Reader, Follower,
// Snapshots and Housekeeper of this package read them, too: each record that is a call is
// visited, and nothing is judged, since the fold decides. The history is that of all
// calls. A snapshot stands at any offset. What shows that a log holds what was read, or
// what a snapshot is of, is the history of some thousand records: the newest one alone may
// have been appended again, with the same bytes, after a loss.
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
// A round is measured in time, by the owner: a core that has more to do is called again
// until about as much time has passed as the broker took for the round before (10 to
// 250 ms), or the batch is full. When the owner stops to call it changes which events
// share a batch, never which state they make: readers fold events one by one.
//
// An owner that has nothing to do sleeps until inputs arrive, or until its core (Timed),
// its tail or a note of what was published is due. A core that does not say when it is due
// is asked every IdleWait.
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
//   - What a partition has no room for is held back, and nothing else is; LogPublished
//     stays before it.
//
//   - A snapshot is taken when nothing is tentative, right behind a batch of its
//     owner, and written only if the log, judged anew, has that history there (of a
//     shared log: if its end has, as whoever takes it has read all of it).
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
// # A follower
//
//	       newest usable snapshot, 0, or From
//	begin ──────────────────────────────────▶ reading ─┐
//	  ▲  ▲                                      │  ▲ │ └─ page: judge, fold, visit
//	  │  │ deleted before it was read           │  │ │
//	  │  └──────────────────────────────────────┘  │ │ another term
//	  │                                     stands │ ▼
//	  └── it differs, or is gone ──────────────── comparing
//
// A Follower keeps a Fold up to date for those who only read; it is stepped by its
// user. It goes on as long as the log holds what it has read. When a page has
// another term (Kafka's leader epoch), the follower checks that the newest batch that
// counts and the newest record are still where it read them, which costs a fetch. If
// they are not, or if the log ends before what was read, the log differs. So it does if
// a batch landed where its writer expected it and does not count; this sign is used
// only once the log has grown by as much as must be read again, since any program can
// write such a batch. What was read is then dropped as a whole: no other reader has
// that state. A follower without a fold needs no past: it goes back to the newest of
// its marks that stands.
//
// Invariants: whenever a page was read, the fold is that of everything that counted
// in the log up to Position as it was then. Before events are visited again, or others
// in their place, Began is called. No error is kept back: Step returns it, Health and
// Trouble tell of it, Run ends with those for which Final is true.
//
// A follower without a fold has no fold version: it visits what a newer version
// means as any other event, without Message if the type is not known. A follower
// with a fold but without Snapshots can begin at offset 0 only; it ends with a
// LossError where that was deleted.
//
// A client that waits for what it has caused looks from the end on, begins before
// it sends anything, and runs the follower in a goroutine of its own:
//
//	f := eventlog.NewFollower(eventlog.FollowerConfig{
//		Log: log, Topic: topic, Partition: p, From: eventlog.AtEnd,
//		Now: time.Now, Pause: pause,
//		Hooks: eventlog.FollowerHooks{
//			Visit:   see,     // resolves waiters, under a lock of the client's
//			Began:   begun,   // b.At < b.Before: lower marks to b.At
//			Stepped: settled, // publishes f.Position() and f.Inputs() under that lock
//			Trouble: trouble, // logs it, and keeps it for those whose wait ends in vain
//		},
//	})
//	if err := f.Begin(ctx); err != nil {
//		return err
//	}
//	go func() { ended(f.Run(ctx)) }() // every wait ends with this error
//
// An *OvertakenError ends Run once; what was to come in the gap must be looked up
// otherwise, and Run be called again. A linearizable read from another goroutine takes
// the end of the log by Bounds, and waits until Stepped reports a Position at or behind
// it; if Began reports an earlier one, the read begins again. A command that only asks
// calls Barrier, and looks at Fold.
//
// On a crash nothing is left: it begins again. Decisions: docs/adr/0015-followers.md.
//
// # Losses
//
// LostError: the tail is gone. The owner drops its fold, ignores the snapshots of what
// is gone, claims anew with the loss recorded in the claim, so that it survives a crash,
// and writes LogTailLost first; receivers then lower their marks. Inputs return a
// WitnessError if a receiver reports an event that the log lacks.
// LossError: the beginning is gone and no snapshot is left; Reset is the remedy.
// VersionError: the log needs a newer binary.
//
// # On a crash
//
// Nothing is saved but snapshots, and none is needed: one that is cut short has no
// manifest. The next owner folds the log, claims it, publishes what may be
// unpublished, and reads its inputs on from where the last batch says.
package eventlog
