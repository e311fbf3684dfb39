package eventlog_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

var errEnough = errors.New("enough rounds")

// stepped ends a run after some rounds, and turns the clock before each.
type stepped struct {
	*toyInputs
	before []func()
}

func (s *stepped) Next(ctx context.Context, _ eventlog.Wait) (eventlog.Arrivals[string], error) {
	if len(s.before) == 0 {
		return eventlog.Arrivals[string]{}, errEnough
	}
	s.before[0]()
	s.before = s.before[1:]
	return s.toyInputs.Next(ctx, eventlog.Wait{})
}

// TestPublishedIsNotedOnceAndNotForEver: alone after a second of silence, and
// then no more.
func TestPublishedIsNotedOnceAndNotForEver(t *testing.T) {
	t.Parallel()
	b := setup(t, memlog.New(), "a", "b")
	now := time.UnixMilli(1_700_000_000_000)
	later := func(d time.Duration) func() { return func() { now = now.Add(d) } }
	s := &stepped{toyInputs: b.inputs, before: []func(){
		later(0), later(500 * time.Millisecond), later(600 * time.Millisecond), later(time.Minute), later(time.Hour),
	}}
	b.cfg.Inputs, b.cfg.Now = s, func() time.Time { return now }
	if err := eventlog.NewOwner(b.cfg).Run(t.Context()); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	counted, _, _ := read(t, b.log)
	var types []events.Type
	for _, l := range counted {
		types = append(types, l.Type)
	}
	if len(counted) != 4 || counted[3].Type != events.TypeLogPublished {
		t.Fatalf("the log holds %v, want a claim, two tasks and one note", types)
	}
	if m := counted[3].Message.(*events.LogPublished); m.Through != 3 || m.AtMs != 1_700_000_001_100 {
		t.Errorf("the note says %+v, want everything below 3, after 1.1 s", m)
	}
}

// TestInputsWithoutEventsAreNoted: what was read and caused nothing is written
// down after ten seconds, so that a successor does not read it again.
func TestInputsWithoutEventsAreNoted(t *testing.T) {
	t.Parallel()
	b := setup(t, memlog.New(), "a", "a", "a", "a", "a")
	now := time.UnixMilli(1_700_000_000_000)
	later := func(d time.Duration) func() { return func() { now = now.Add(d) } }
	s := &stepped{toyInputs: b.inputs, before: []func(){
		later(0), later(500 * time.Millisecond), later(10 * time.Second), later(time.Hour),
	}}
	b.inputs.chunk = 1
	b.cfg.Outbox = nullOutbox{stuck: true}
	b.cfg.Inputs, b.cfg.Now = s, func() time.Time { return now }
	if err := eventlog.NewOwner(b.cfg).Run(t.Context()); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	counted, _, r := read(t, b.log)
	if len(counted) != 4 || counted[2].Message.(*events.LogPublished).Through != 0 {
		t.Fatalf("%d events count, want the claim, the task, and two notes that nothing was published", len(counted))
	}
	if p := r.Inputs(); p[0].Next != 4 {
		t.Errorf("input positions are %v, want 4", p)
	}
}
