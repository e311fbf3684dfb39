package copying

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// weak are Checkpoints that fail from time to time, before or after the checkpoint stands.
type weak struct {
	*shelf
	calm *atomic.Bool
}

func (w weak) Save(ctx context.Context, id string, c mirror.Checkpoint) error {
	if !w.calm.Load() && rand.IntN(4) == 0 {
		return errors.New("not saved")
	}
	err := w.shelf.Save(ctx, id, c)
	if !w.calm.Load() && rand.IntN(4) == 0 {
		return errors.New("not heard of")
	}
	return err
}

// Copiers that come and go, several at once, while appends and checkpoints fail in all
// ways: in the end each record stands once, in order.
func TestFaults(t *testing.T) {
	for round := range 10 {
		t.Run(fmt.Sprint(round), func(t *testing.T) {
			t.Parallel()
			faults(t)
		})
	}
}

func faults(t *testing.T) {
	s := newStage()
	var calm atomic.Bool
	s.fails = func() (before, after error) {
		if calm.Load() {
			return nil, nil
		}
		switch rand.IntN(8) {
		case 0:
			return &kafka.UnknownOutcome{Err: errors.New("lost on the way")}, nil
		case 1:
			return nil, &kafka.UnknownOutcome{Err: errors.New("answer lost")}
		case 2:
			return &kafka.FenceLapsed{Err: errors.New("forgotten")}, nil
		case 3:
			return &kafka.Refused{Err: errors.New("a batch, but not a record")}, nil
		}
		return nil, nil
	}
	config := func() Config {
		cfg := s.config()
		cfg.Copy.On.Uncopyable = mirror.Stop
		cfg.Checkpoints = weak{&s.shelf, &calm}
		w := cfg.Target.(*writer)
		w.single = true
		return cfg
	}
	made := 0
	for range 5 {
		var all []*running
		for range 1 + rand.IntN(3) {
			s.source.append(numbered(made, 400)...)
			made += 400
			all = append(all, start(t, config()))
		}
		at := int64(rand.IntN(made))
		all[rand.IntN(len(all))].until("some is copied", func(r *Report) bool { return r.Next >= at })
		for _, r := range all {
			r.stop()
		}
	}
	calm.Store(true)
	start(t, config()).until("all is copied", next(int64(made)))
	if err := compare(here, there, s.source.all(), s.target.all(), 1); err != nil {
		t.Error(err)
	}
}
