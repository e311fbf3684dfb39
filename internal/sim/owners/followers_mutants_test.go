package owners

import (
	"context"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// followerMutants break one rule of those who follow a log that loses its tail.
var followerMutants = []struct {
	name   string
	mutant func(*follower)
}{
	{"ignores the term", func(w *follower) { w.reads.Termless = true }},
	{"keeps the fold after a lost tail", func(w *follower) {
		if w.cfg.NewFold != nil {
			kept := &keeping{toy: &toy{}}
			w.cfg.NewFold = func() eventlog.Fold { return kept }
			began := w.cfg.Hooks.Began
			w.cfg.Hooks.Began = func(b eventlog.Beginning) {
				b.Fold = kept.toy
				began(b)
			}
		}
	}},
	{"skips what was deleted", func(w *follower) { w.cfg.Log = &skipping{w.reads} }},
	{"does not lower its marks", func(w *follower) {
		if w.cfg.NewFold == nil {
			w.cfg.Hooks.Began = nil
		}
	}},
}

func TestSimFollowerMutantsDie(t *testing.T) {
	t.Parallel()
	for _, m := range followerMutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			sim.Dies(t, func(seed uint64) sim.Story {
				l := newLossy(seed, nil)
				l.followers.mutant = m.mutant
				return l
			})
		})
	}
}

// keeping is a fold that is restored once, and then goes on as it is.
type keeping struct {
	*toy
	restored bool
}

func (k *keeping) Restore(state []byte) error {
	if k.restored || k.count > 0 {
		return nil
	}
	k.restored = true
	return k.toy.Restore(state)
}

// skipping reads on at the log's start where what is asked for was deleted.
type skipping struct{ *sim.Reads }

func (l *skipping) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	page, err := l.Reads.Fetch(ctx, from, wait)
	if start, _, outside := eventlog.OutOfRange(err); outside && start > from {
		return l.Reads.Fetch(ctx, start, wait)
	}
	return page, err
}
