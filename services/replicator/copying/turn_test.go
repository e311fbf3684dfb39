package copying

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanway/spanway/services/replicator/mirror"
)

// A copy that waits for its turn to compare keys renews its fence meanwhile.
func TestTheFenceIsRenewedWhileATurnIsAwaited(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 50)...)
	config := func() Config {
		cfg := s.config()
		cfg.Copy.Compacted = mirror.Compaction{Source: true, Target: true, Tombstones: 2 * time.Hour}
		return cfg
	}
	first := start(t, config())
	first.until("all is copied", next(50))
	first.stop()
	s.shelf.saved = nil // Without a checkpoint it may have missed tombstones.

	cfg := config()
	target := &renewed{writer: writer{of: s.target}, each: make(chan struct{})}
	cfg.Target, cfg.Turns = target, NewTurns(1)
	other, err := cfg.Turns.take(context.Background(), 1)
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, cfg)
	r.until("it is to compare keys", func(r *Report) bool { return r.State == mirror.Sweeping })
	for range 3 {
		select {
		case <-target.each:
		case <-time.After(time.Minute):
			t.Fatal("the fence is not renewed")
		}
	}
	other.give()
	r.until("keys are compared", func(r *Report) bool { return next(50)(r) && r.State == mirror.Delta })
}

// A copy that waits for its turn wakes when the checkpoint that is being saved is saved, or was
// not, and does not ask again and again before.
func TestTheEndOfACheckpointIsNotMissedWhileATurnIsAwaited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.source.append(numbered(0, 50)...)
		cfg := s.config()
		cfg.Copy.Compacted = mirror.Compaction{Source: true, Target: true, Tombstones: 2 * time.Hour}
		first := start(t, cfg)
		first.until("all is copied", next(50))
		first.stop()
		s.shelf.saved = nil // Without a checkpoint it may have missed tombstones.

		cfg.Turns = NewTurns(1)
		other, err := cfg.Turns.take(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		defer other.give()
		c := New(cfg)
		c.try = c.cfg.Board.New("copy")
		defer c.try.End()
		defer c.dropAhead()
		advance(t, c, func() bool { return c.copy != nil && c.copy.State() == mirror.Sweeping && c.saving == nil })
		began := time.Now()
		last := &saving{done: make(chan struct{}), err: errNotSaved}
		c.saving = last
		time.AfterFunc(patience+patience/2, func() { close(last.done) })
		n, took := advance(t, c, func() bool { return c.saving == nil }), time.Since(began)
		if n > 3 || took != patience+patience/2 || c.report.LastError != errNotSaved.Error() {
			t.Errorf("it wakes after %d rounds and %v, and tells %q", n, took, c.report.LastError)
		}
	})
}
