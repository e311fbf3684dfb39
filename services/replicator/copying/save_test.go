package copying

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// slowShelf keeps checkpoints back until it is released, but for some in the beginning.
type slowShelf struct {
	*shelf
	passes          atomic.Int32
	asked, released chan struct{}
	saving          atomic.Int32
	failed          atomic.Bool
}

func (s *slowShelf) Save(ctx context.Context, id string, c mirror.Checkpoint) error {
	if s.passes.Add(-1) >= 0 {
		return s.shelf.Save(ctx, id, c)
	}
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
	slow.passes.Store(1) // The first checkpoint of a claim is waited for.
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

// While a checkpoint takes long, nothing asks again and again whether it is saved: neither a
// copy that waits for its source, nor one whose snapshot is held.
func TestACheckpointThatTakesLong(t *testing.T) {
	for _, held := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			s := newStage()
			s.source.append(numbered(0, 300)...)
			cfg := s.config()
			if held {
				cfg.Admission = newDoor(false)
			}
			c := New(cfg)
			c.try = c.cfg.Board.New("copy")
			defer c.try.End()
			defer c.dropAhead()
			advance(t, c, func() bool { return c.copy != nil && c.copy.State() == mirror.Snapshot }) // Its first checkpoint is waited for.
			slow := &slowShelf{shelf: &s.shelf, asked: make(chan struct{}, 1), released: make(chan struct{})}
			c.cfg.Checkpoints = slow
			advance(t, c, func() bool { return c.saving != nil && c.settled() && (!held || c.entry.held) })
			if !held { // What comes meanwhile makes the next checkpoint.
				s.source.append(numbered(300, 10)...)
				advance(t, c, func() bool { mark, _ := c.copy.Checkpoint(); return mark.Next == 310 && c.settled() })
			}
			began := time.Now()
			time.AfterFunc(20*time.Second, func() { close(slow.released) })
			if n, took := advance(t, c, func() bool { return c.saving == nil }), time.Since(began); n > 20 || took != 20*time.Second {
				t.Errorf("held %v: %d rounds in %v", held, n, took)
			}
		})
	}
}

// refusing are Checkpoints that fail while they are told to.
type refusing struct {
	*shelf
	refuse atomic.Bool
	tries  atomic.Int32 // that failed
}

var errNotSaved = errors.New("not saved")

func (s *refusing) Save(ctx context.Context, id string, c mirror.Checkpoint) error {
	if s.refuse.Load() {
		s.tries.Add(1)
		return errNotSaved
	}
	return s.shelf.Save(ctx, id, c)
}

// That checkpoints are not saved is told for as long as that is so, though records are copied;
// and it is tried again, more and more seldom.
func TestACheckpointThatIsNotSavedIsToldOf(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		cfg := s.config()
		cfg.Board = trouble.NewBoard(cfg.Logger)
		shelf := &refusing{shelf: &s.shelf}
		cfg.Checkpoints = shelf
		s.source.append(numbered(0, 100)...)
		r := start(t, cfg)
		r.until("all is copied", next(100))
		shelf.refuse.Store(true)
		s.source.append(numbered(100, 100)...)
		r.until("it is told", func(r *Report) bool { return r.LastError != "" })
		told := len(r.since(0))
		for n := range 600 { // A minute.
			s.source.append(numbered(200+n, 1)...)
			<-time.After(100 * time.Millisecond)
		}
		for _, report := range r.since(told) {
			if !strings.Contains(report.LastError, errNotSaved.Error()) {
				t.Fatalf("after %d records all is well: %+v", report.Next, report)
			}
		}
		if n := shelf.tries.Load(); n < 60 || n > 140 { // The pauses end at 0.5 to 1 s.
			t.Errorf("it was tried %d times in a minute", n)
		}
		if err := cfg.Board.Err(); !errors.Is(err, errNotSaved) {
			t.Errorf("the board tells %v", err)
		}
		shelf.refuse.Store(false)
		r.until("it goes on", func(r *Report) bool { return r.Next >= 800 && r.LastError == "" })
		if err := cfg.Board.Err(); err != nil {
			t.Errorf("the board tells %v", err)
		}
	})
}

// advance steps a copier until something is so, and returns how often.
func advance(t *testing.T, c *Copier, until func() bool) (rounds int) {
	t.Helper()
	for ; !until(); rounds++ {
		if err := c.advance(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.collect(t.Context())
	}
	return rounds
}

// shut is a shelf that cannot be read a few times, once the partition was claimed.
type shut struct {
	shelf
	of    *partition
	fails atomic.Int32
}

func (s *shut) Saved(ctx context.Context, id string) (*mirror.Checkpoint, error) {
	s.of.mu.Lock()
	claimed := s.of.epoch > 0
	s.of.mu.Unlock()
	if claimed && s.fails.Add(-1) >= 0 {
		return nil, errors.New("the log of checkpoints is away")
	}
	return s.shelf.Saved(ctx, id)
}

// A checkpoint that cannot be read costs no further claim: only the read is tried again.
func TestAClaimIsNotRepeatedForItsCheckpoint(t *testing.T) {
	s := newStage()
	s.source.put(numbered(0, 10))
	cfg := s.config()
	keeps := &shut{of: s.target}
	keeps.fails.Store(3)
	cfg.Checkpoints = keeps
	r := start(t, cfg)
	r.until("all is copied", next(10))
	if epoch, left := s.target.epoch, keeps.fails.Load(); epoch != 1 || left >= 0 {
		t.Errorf("it was claimed %d times, with %d errors left; want once, and none", epoch, left)
	}
}
