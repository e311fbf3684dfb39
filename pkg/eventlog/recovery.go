package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// found reports what a tenure that ended found to be lost. The next one says so
// in the log.
func (t *tenure[I]) found(err error) *events.LogTailLost {
	var gone *LostError
	switch {
	case errors.As(err, &gone):
		if t.Hooks.Lost != nil {
			t.Hooks.Lost(err)
		}
		seen := &events.LogTailLost{SeenEpoch: t.reader.judge.Epoch, SeenN: lastNumber(t.reader.n), Witness: "the owner"}
		if t.lost != nil && !t.progressed && above(t.lost.SeenEpoch, t.lost.SeenN, seen.SeenEpoch, seen.SeenN) {
			return t.lost // Another loss came before it was told.
		}
		return seen
	case t.lost != nil && !t.progressed:
		return t.lost
	}
	return nil
}

// lastNumber is the number before n, the next one.
func lastNumber(n uint32) uint32 { return max(n, 1) - 1 }

// restore begins at the newest usable snapshot.
func (t *tenure[I]) restore(ctx context.Context) error {
	if t.keeping == nil {
		return nil
	}
	s := t.snapshots()
	usable, beyond, err := s.Usable(ctx, t.Log)
	if err != nil {
		return err
	}
	t.keeping.beyond = beyond
	var core Core[I] // the one that Restore tried last
	snap, _, err := s.Restore(ctx, usable, func() Fold {
		core = t.NewCore()
		return core
	})
	if err != nil {
		return err
	}
	if snap == nil {
		start, end, err := Bounds(ctx, t.Log)
		if err == nil && start > 0 {
			err = &LossError{Topic: t.Topic, Partition: t.Partition, Start: start, End: end, Snapshots: len(usable) + len(beyond)}
		}
		return err
	}
	if t.reader, err = NewReaderFrom(t.Log, snap.Manifest); err != nil {
		return err
	}
	t.reader.OnSkip = t.skipped
	t.core = core
	t.published.own, _, _ = snap.parts() // Restore has read it already.
	t.keeping.before = snap.Manifest
	t.newest.raise(snap.Manifest.AtMs) // No event below it is later.
	t.keeping.last, t.keeping.size = snap.Manifest.Offset, snap.Manifest.StateBytes
	t.keeping.at = min(snap.Manifest.AtMs, t.Now().UnixMilli())
	if t.Hooks.Restored != nil {
		t.Hooks.Restored(snap.Manifest)
	}
	return nil
}

func (t *tenure[I]) snapshots() *Snapshots {
	return &Snapshots{
		Log: t.Snapshots.Log, Topic: t.Topic, Partition: t.Partition, Encoder: t.Encoder,
		OnBad: func(m *events.LogSnapshot, err error) {
			if t.Hooks.BadSnapshot != nil {
				t.Hooks.BadSnapshot(m, err)
			}
		},
	}
}

// beyond looks, before the claim, for snapshots of more than there is of the log.
func (t *tenure[I]) beyond() {
	if t.lost == nil && t.keeping != nil {
		for _, st := range t.keeping.beyond {
			t.witness(st.Manifest)
		}
	}
}

// tellLoss writes down, at the head of an epoch, that the tail before it was lost.
// Where the log ended only the claim shows: before it, a broker that has just begun
// to lead may show less than there is.
func (t *tenure[I]) tellLoss(ctx context.Context) error {
	if t.untold == nil {
		return nil
	}
	t.untold.AtMs = t.lossTime()
	t.emit(t.untold)
	return t.append(ctx)
}

// foldLoss keeps what claims say to be lost until it is told: an owner may crash
// in between, and nobody else need know. The log ended where the first of them says.
func (t *tenure[I]) foldLoss(l events.Logged) {
	switch m := l.Message.(type) {
	case *events.LogTailLost, *events.LogLossAccepted:
		t.untold = nil
	case *events.LogClaimed:
		lost, before := m.Lost, t.untold
		switch {
		case lost == nil || !CouldBeLost(lost.SeenEpoch, l.Epoch):
			return
		case before == nil:
			t.untold = &events.LogTailLost{Epoch: t.reader.ended.epoch, N: t.reader.ended.n}
		case !above(lost.SeenEpoch, lost.SeenN, before.SeenEpoch, before.SeenN):
			return
		}
		t.untold.SeenEpoch, t.untold.SeenN, t.untold.Witness = lost.SeenEpoch, lost.SeenN, lost.Witness
	}
}

// witness takes a snapshot of records that the log does not hold for news, unless
// the log has told of the loss since it was made.
func (t *tenure[I]) witness(m *events.LogSnapshot) {
	known, seen := t.published.loss, lastNumber(m.Number)
	if m.AtMs <= known.atMs && !above(m.Epoch, seen, known.epoch, known.n) || !CouldBeLost(m.Epoch, t.reader.judge.Epoch) {
		return
	}
	if t.lost == nil || above(m.Epoch, seen, t.lost.SeenEpoch, t.lost.SeenN) {
		t.lost = &events.LogTailLost{SeenEpoch: m.Epoch, SeenN: seen, Witness: fmt.Sprintf("a snapshot at %d", m.Offset)}
	}
}

// lossTime is the time of a loss that is found now. Receivers tell losses apart by
// their times, which owners with other clocks give: each is above the one before.
func (t *tenure[I]) lossTime() int64 { return max(t.stamp(), t.published.loss.atMs+1) }

// above tells whether one event comes after another.
func above(epoch, n, thanEpoch, thanN uint32) bool {
	return epoch > thanEpoch || epoch == thanEpoch && n > thanN
}

// maxLostEpochs is how many epochs one loss takes at most: each begins with a claim that
// was acknowledged, and takes an owner seconds to come to.
const maxLostEpochs = 100

// CouldBeLost tells whether a log whose epoch is now may have had an event of the epoch
// seen. No loss is declared for what could not be, whatever says that it saw it: tokens
// grow by the epochs that are lost, and must not run out.
func CouldBeLost(seen, now uint32) bool { return seen <= now || seen-now <= maxLostEpochs }

// witnessEvery is how long what witnesses say of a loss that the log tells of is
// what they said before they could know, in milliseconds.
const witnessEvery = 5_000

// heed looks into what a witness says to have seen; any other error is one. The
// tail is read first: it may be a newer owner's event.
func (t *tenure[I]) heed(ctx context.Context, err error) error {
	var w *WitnessError
	if !errors.As(err, &w) {
		return err
	}
	t.tailAt = 0
	if err := t.confirmTail(ctx); err != nil {
		return err
	}
	epoch, n := t.reader.judge.Epoch, lastNumber(t.reader.n)
	known := t.published.loss
	if !CouldBeLost(w.Epoch, epoch) {
		return nil // Whoever returned it should not have believed it.
	}
	if !above(w.Epoch, w.N, epoch, n) ||
		t.clock.Now-known.atMs < witnessEvery && !above(w.Epoch, w.N, known.epoch, known.n) {
		return nil
	}
	if t.Hooks.Lost != nil {
		t.Hooks.Lost(w)
	}
	t.emit(&events.LogTailLost{
		SeenEpoch: w.Epoch, SeenN: w.N, Epoch: epoch, N: n, Witness: w.Witness, AtMs: t.lossTime(),
	})
	return t.append(ctx)
}
