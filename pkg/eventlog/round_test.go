package eventlog_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// slow is a machine by whose clock every call of Advance and every append takes a
// fixed time.
type slow struct {
	*memlog.Log
	mu              sync.Mutex
	now             time.Time
	advance, append time.Duration
	batches         []int // how many events each batch has
}

func (s *slow) passes(d time.Duration) time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
	return s.now
}

func (s *slow) Append(ctx context.Context, batch []events.Record) (int64, error) {
	s.passes(s.append)
	s.batches = append(s.batches, len(batch))
	return s.Log.Append(ctx, batch)
}

// stepCore does one of `left` things in each call of Advance.
type stepCore struct {
	*toyCore
	slow *slow
	left int
}

func (c *stepCore) Advance(now events.Clock, emit func(proto.Message)) bool {
	c.slow.passes(c.slow.advance)
	if c.left == 0 {
		return false
	}
	c.left--
	emit(&events.TaskStarted{TaskId: "t", Pool: "p", AtMs: now.Now})
	return c.left > 0
}

// runSteps has an owner do so many steps, and returns how many events each batch had.
func runSteps(t *testing.T, s *slow, steps int) []int {
	t.Helper()
	b := setup(t, memlog.New())
	s.Log, s.now = b.log, time.UnixMilli(1_700_000_000_000)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	core := &stepCore{toyCore: newToyCore().(*toyCore), slow: s, left: steps}
	b.cfg.Log, b.cfg.TailEvery, b.cfg.Outbox = s, time.Hour, nullOutbox{}
	b.cfg.Now = func() time.Time { return s.passes(0) }
	b.cfg.Hooks.Appended = func(events, _ int) {
		if steps -= events; steps == 0 {
			cancel()
		}
	}
	b.cfg.NewCore, b.cfg.Hooks.Owned = func() eventlog.Core[string] { return core }, nil
	if err := eventlog.NewOwner(b.cfg).Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatalf("the owner ended with %v", err)
	}
	return s.batches[1:] // without the claim
}

// TestARoundIsMeasuredInTime: a core that does a little in each call is called again
// instead of waiting for the broker, as long as the broker takes, within bounds.
func TestARoundIsMeasuredInTime(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	for name, tt := range map[string]struct {
		advance, append time.Duration
		least, most     int // events in the largest batch
	}{
		"a quick broker":                 {ms, 0, 10, 12},
		"a broker as slow as a round":    {ms, 50 * ms, 50, 55},
		"a broker that is much slower":   {ms, 5 * time.Second, 250, 251},
		"one call takes a whole round":   {20 * ms, 0, 1, 2},
		"a clock that stands still":      {0, 0, 1000, 1000},
		"a clock that was set back":      {-ms, 0, 1, 1},
		"calls of which many fit a tick": {10 * time.Microsecond, 2 * ms, 1000, 1000},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			largest, all := 0, 0
			batches := runSteps(t, &slow{advance: tt.advance, append: tt.append}, 1000)
			for _, n := range batches {
				largest, all = max(largest, n), all+n
			}
			if all != 1000 || largest < tt.least || largest > tt.most {
				t.Errorf("%d events, the largest batch has %d; want 1000, and %d to %d in it: %v", all, largest, tt.least, tt.most, batches)
			}
		})
	}
}
