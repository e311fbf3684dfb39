package copying

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/spanway/spanway/services/replicator/mirror"
)

// slowShelf keeps checkpoints back until it is released.
type slowShelf struct {
	*shelf
	asked, released chan struct{}
	saving          atomic.Int32
	failed          atomic.Bool
}

func (s *slowShelf) Save(ctx context.Context, id string, c mirror.Checkpoint) error {
	if s.saving.Add(1) > 1 {
		s.failed.Store(true)
	}
	defer s.saving.Add(-1)
	select {
	case s.asked <- struct{}{}:
	default:
	}
	select {
	case <-s.released:
	case <-ctx.Done():
		return ctx.Err()
	}
	return s.shelf.Save(ctx, id, c)
}

// Records are copied while a checkpoint is being saved; one at a time is, and the last one when
// the copy is stopped.
func TestACopyDoesNotWaitForItsCheckpoint(t *testing.T) {
	s := newStage()
	cfg := s.config()
	slow := &slowShelf{shelf: &s.shelf, asked: make(chan struct{}, 1), released: make(chan struct{})}
	s.source.append(numbered(0, 100)...)
	first := start(t, cfg)
	first.until("a copy has begun", next(100)) // The first checkpoint of a generation is waited for.
	first.stop()
	cfg = s.config()
	cfg.Checkpoints = slow
	r := start(t, cfg)
	r.until("it goes on", next(100))
	for n := range 5 {
		s.source.append(numbered(100+10*n, 10)...)
		if n == 0 {
			<-slow.asked
		}
		r.until("what comes meanwhile is copied", next(int64(110+10*n)))
	}
	close(slow.released)
	r.stop()
	if slow.failed.Load() {
		t.Error("two checkpoints were saved at once")
	}
	if saved, _ := s.shelf.Saved(t.Context(), cfg.ID); saved == nil || saved.Next != 150 {
		t.Errorf("the last checkpoint: %+v", saved)
	}
}

// refusing are Checkpoints that fail while they are told to.
type refusing struct {
	*shelf
	refuse atomic.Bool
}

var errNotSaved = errors.New("not saved")

func (s *refusing) Save(ctx context.Context, id string, c mirror.Checkpoint) error {
	if s.refuse.Load() {
		return errNotSaved
	}
	return s.shelf.Save(ctx, id, c)
}

// That a checkpoint was not saved is told, and it is tried again.
func TestACheckpointThatIsNotSavedIsToldOf(t *testing.T) {
	s := newStage()
	cfg := s.config()
	shelf := &refusing{shelf: &s.shelf}
	cfg.Checkpoints = shelf
	s.source.append(numbered(0, 100)...)
	r := start(t, cfg)
	r.until("all is copied", next(100))
	shelf.refuse.Store(true)
	s.source.append(numbered(100, 100)...)
	r.until("it is told", func(r *Report) bool { return r.LastError != "" })
	shelf.refuse.Store(false)
	s.source.append(numbered(200, 100)...)
	r.until("it goes on", func(r *Report) bool { return r.Next >= 300 && r.LastError == "" })
}
