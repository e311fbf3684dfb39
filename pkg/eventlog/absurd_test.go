package eventlog_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
)

// absurdCore is the toy core of an owner gone mad: for one of its inputs it emits whatever
// the test says, and it refers to where that says that something stands.
type absurdCore struct {
	*toyCore
	event proto.Message
}

func (c *absurdCore) Decide(in events.Input[string], now events.Clock, emit func(proto.Message)) {
	if in.Value == "absurd" {
		emit(c.event)
		return
	}
	c.toyCore.Decide(in, now, emit)
}

func (c *absurdCore) Apply(l events.Logged) {
	if m, ok := l.Message.(*events.TaskAccepted); ok && m.Task == nil {
		return
	}
	c.toyCore.Apply(l)
}

func (c *absurdCore) Publish(l events.Logged, send func(events.Outgoing)) {
	out := events.Outgoing{Topic: "out", Key: []byte("k"), Message: l.Message}
	if m, ok := l.Message.(*events.TaskAccepted); ok && m.Task.GetPayloadAt() != 0 {
		out.Missing, out.Complete = m.Task.PayloadAt, func(proto.Message) error { return nil }
	}
	send(out)
}

// TestAbsurdEvents: whatever an event that counts says, whoever owns the log next goes on:
// also one that writes data as
// JSON, which not every message can be.
func TestAbsurdEvents(t *testing.T) {
	t.Parallel()
	known := eventstest.Known{"pool": "p", "task_id": "a", "id": "a"}
	for _, typ := range events.Types() {
		if events.KindOf(typ) != events.Event || typ == events.TypeLogClaimed {
			continue // A claim among other events does not count.
		}
		t.Run(string(typ), func(t *testing.T) {
			t.Parallel()
			for name, event := range eventstest.Absurd(typ, known) {
				if m, ok := event.(*events.LogFoldVersionRaised); ok && m.Version > 2 {
					continue // Only a newer release goes on.
				}
				if typ == events.TypeLogLossAccepted {
					continue // It empties the toy core.
				}
				if proto.Size(event) > 1<<20 {
					continue // No batch has it: as JSON, and escaped, it is twice as large.
				}
				log := memlog.New()
				b := setup(t, log, "a", "absurd")
				b.outbox.got = nil
				for i, ids := range [][]string{{"a", "absurd"}, {"a", "absurd", "b"}, {"a", "absurd", "b", "c"}} {
					b.inputs.ids, b.cfg.Encoder.JSON = ids, i > 0
					if err := oneAbsurdOwner(t, b, event); !errors.Is(err, errEnough) {
						t.Fatalf("%s: the owner of %v ends with: %v", name, ids, err)
					}
				}
				counted, _, _ := read(t, log)
				seen := map[string]bool{}
				for _, l := range counted {
					if m, ok := l.Message.(*events.TaskAccepted); ok {
						seen[m.GetTask().GetId()] = true
					}
				}
				if !seen["b"] || !seen["c"] {
					t.Fatalf("%s: a later task is not accepted: %v", name, seen)
				}
			}
		})
	}
}

// oneAbsurdOwner has an owner work for some rounds.
func oneAbsurdOwner(t *testing.T, b *bundle, event proto.Message) error {
	t.Helper()
	now := time.UnixMilli(1_700_000_000_000)
	steps := &stepped{toyInputs: b.inputs}
	for range 6 {
		steps.before = append(steps.before, func() { now = now.Add(time.Second) })
	}
	b.cfg.Inputs, b.cfg.Now = steps, func() time.Time { return now }
	b.cfg.NewCore = func() eventlog.Core[string] { return &absurdCore{newToyCore().(*toyCore), event} }
	b.cfg.Hooks.Owned = nil
	b.inputs.Seek(nil)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	return eventlog.NewOwner(b.cfg).Run(ctx)
}
