package eventlog_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
)

// timedCore says when it is to be woken.
type timedCore struct {
	*toyCore
	now, readTo func() int64
}

func (c *timedCore) Wakes() (now, readTo int64) { return c.now(), c.readTo() }

// sleeping notes how its owner waits, and lets time pass by the same; it ends the run after
// some of its waits.
type sleeping struct {
	*toyInputs
	now   time.Time
	waits []eventlog.Wait
	want  int
}

func (w *sleeping) Next(ctx context.Context, wait eventlog.Wait) (eventlog.Arrivals[string], error) {
	if wait.For > 0 {
		if len(w.waits) == w.want {
			return eventlog.Arrivals[string]{}, errEnough
		}
		w.waits = append(w.waits, wait)
		w.now = w.now.Add(wait.For)
	}
	return w.toyInputs.Next(ctx, eventlog.Wait{})
}

// full has no room.
type full struct{ nullOutbox }

func (full) Room(string, int32) bool { return false }

// TestOwnersSleep: how an owner waits to which nothing happens.
func TestOwnersSleep(t *testing.T) {
	t.Parallel()
	const (
		ms    = time.Millisecond
		began = 1_700_000_000_000 // a whole second
		never = math.MaxInt64
		poll  = 20 * ms
	)
	for name, tt := range map[string]struct {
		untimed     bool
		now, readTo int64 // of the core, behind the beginning
		inputs      []string
		outbox      eventlog.Outbox
		want        []time.Duration
		silence     int64
	}{
		"nothing to wait for but the tail": {now: never, readTo: never, want: []time.Duration{200 * ms, 800 * ms, 1000 * ms}, silence: never},
		"a time": {
			now: 1_300, readTo: never, silence: never,
			want: []time.Duration{200 * ms, 800 * ms, 300 * ms, poll, poll}, // Then the core does not know.
		},
		"silence": {
			now: never, readTo: began + 500, silence: began + 500,
			want: []time.Duration{200 * ms, 301 * ms, poll, poll}, // Nothing tells that silence is known.
		},
		"a core that does not say": {untimed: true, want: []time.Duration{poll, poll, poll}},
		"what was published is noted": {
			now: never, readTo: never, silence: never, inputs: []string{"a"},
			want: []time.Duration{200 * ms, 800 * ms, 1000 * ms, 1000 * ms},
		},
		"what is not acknowledged": {
			now: never, readTo: never, silence: never, inputs: []string{"a"}, outbox: nullOutbox{stuck: true},
			want: []time.Duration{200 * ms, 800 * ms, poll, poll},
		},
		"room": {now: never, readTo: never, inputs: []string{"a"}, outbox: full{}, want: []time.Duration{poll, poll, poll}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, memlog.New(), tt.inputs...)
			in := &sleeping{toyInputs: b.inputs, now: time.UnixMilli(began), want: len(tt.want)}
			at := func(ms int64) func() int64 {
				return func() int64 { return ms }
			}
			if tt.now < never {
				tt.now += began
			}
			b.cfg.Inputs, b.cfg.Now, b.cfg.IdleWait = in, func() time.Time { return in.now }, poll
			b.cfg.Hooks.Owned = nil
			if tt.outbox != nil {
				b.cfg.Outbox = tt.outbox
			}
			if !tt.untimed {
				b.cfg.NewCore = func() eventlog.Core[string] {
					return &timedCore{newToyCore().(*toyCore), at(tt.now), at(tt.readTo)}
				}
			}
			if err := eventlog.NewOwner(b.cfg).Run(t.Context()); !errors.Is(err, errEnough) {
				t.Fatal(err)
			}
			for i, w := range in.waits {
				if w.For != tt.want[i] || w.Silence != tt.silence {
					t.Fatalf("its waits are %v, want %v, and to know of silence from %d on", in.waits, tt.want, tt.silence)
				}
			}
		})
	}
}

// TestTailsOfTheQuiet: an owner looks after its tail every TailEvery while something
// happens, and else every fifth time; a newer claim is found all the same.
func TestTailsOfTheQuiet(t *testing.T) {
	t.Parallel()
	b := setup(t, memlog.New(), "a")
	in := &sleeping{toyInputs: b.inputs, now: time.UnixMilli(1_700_000_000_050), want: 10}
	looks := []int64{}
	b.cfg.Inputs, b.cfg.Now, b.cfg.Outbox = in, func() time.Time { return in.now }, nullOutbox{}
	b.cfg.NewCore = func() eventlog.Core[string] {
		never := func() int64 { return math.MaxInt64 }
		return &timedCore{newToyCore().(*toyCore), never, never}
	}
	b.cfg.Hooks = eventlog.Hooks[string]{Observe: func(eventlog.Core[string]) {
		if looks = append(looks, in.now.UnixMilli()-1_700_000_000_000); len(looks) == 4 {
			other := setup(t, b.log)
			other.cfg.Hooks.Owned = nil
			other.cfg.Inputs = &stepped{toyInputs: other.inputs}
			_ = eventlog.NewOwner(other.cfg).Run(t.Context())
		}
	}}
	if err := eventlog.NewOwner(b.cfg).Run(t.Context()); !errors.Is(err, eventlog.ErrDisowned) {
		t.Fatalf("it ended with %v, want a newer claim", err)
	}
	if want := []int64{250, 1_000, 1_200, 2_000}; !slices.Equal(looks, want) { // What was published is noted at 1,050.
		t.Errorf("the tail was confirmed at %v ms, want %v", looks, want)
	}
}
