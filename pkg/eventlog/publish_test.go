package eventlog_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// scattered is a core that leaves each acceptance in the log when it publishes it.
type scattered struct{ *toyCore }

func (c scattered) Publish(l events.Logged, send func(events.Outgoing)) {
	c.toyCore.Publish(l, func(out events.Outgoing) {
		out.Missing, out.Complete = l.Offset, func(proto.Message) error { return nil }
		send(out)
	})
}

// counting is a log that counts its fetches.
type counting struct {
	eventlog.Log
	fetches int
}

func (l *counting) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	l.fetches++
	return l.Log.Fetch(ctx, from, wait)
}

// ordered is an outbox that refuses to be asked about what it was not given yet.
type ordered struct {
	t    *testing.T
	open []int64 // offsets that are to be published
	sent int
}

func (o *ordered) Send(offset int64, _ string, _ int32, _ events.Record) {
	if o.sent >= len(o.open) || o.open[o.sent] != offset {
		o.t.Errorf("event %d was published as number %d of %v", offset, o.sent, o.open)
	}
	o.sent++
}

func (o *ordered) Room(string, int32) bool { return true }

func (o *ordered) Reset() { o.sent = 0 }

func (o *ordered) Through(limit int64) int64 {
	if o.sent < len(o.open) && limit > o.open[o.sent] {
		o.t.Errorf("the event at %d is not sent yet, and what is below %d is noted as published", o.open[o.sent], limit)
	}
	return limit
}

// TestPayloadsAreReadInTurns: where many messages must be completed from the log,
// each round reads a bounded part of it, and loses or reorders nothing.
func TestPayloadsAreReadInTurns(t *testing.T) {
	t.Parallel()
	const n = 200
	var ids []string
	for i := range n {
		ids = append(ids, fmt.Sprint("task", i))
	}
	s := newShelf(memlog.New())
	first := setup(t, s.log, ids...)
	s.run(t, first, n+2, func(cfg *eventlog.OwnerConfig[string]) { cfg.Outbox, cfg.Snapshots = nullOutbox{stuck: true}, nil })
	box := &ordered{t: t}
	for _, l := range first.core.order {
		box.open = append(box.open, l.Offset)
	}
	s.log.PageRecords = 1
	log := &counting{Log: s.log}
	next := setup(t, s.log, ids...)
	s.run(t, next, 20, func(cfg *eventlog.OwnerConfig[string]) {
		cfg.Log, cfg.Outbox, cfg.Snapshots = log, box, nil
		cfg.NewCore = func() eventlog.Core[string] { return scattered{newToyCore().(*toyCore)} }
		cfg.Hooks.Owned = func(uint32, eventlog.Core[string]) { log.fetches = 0 }
		steps := cfg.Inputs.(*stepped)
		for i, before := range steps.before {
			steps.before[i] = func() {
				if before(); log.fetches > 70 { // The first one began before it was a round.
					t.Errorf("round %d read %d times", i, log.fetches)
				}
				log.fetches = 0
			}
		}
	})
	if len(box.open) != n || box.sent != n {
		t.Errorf("%d of %d events were published", box.sent, len(box.open))
	}
}

// fanning is a core that tells of each acceptance at several places.
type fanning struct {
	*toyCore
	to []events.Outgoing
}

func (c fanning) Publish(l events.Logged, send func(events.Outgoing)) {
	c.toyCore.Publish(l, func(out events.Outgoing) {
		for _, to := range c.to {
			if to.Message = out.Message; to.Raw != nil {
				to.Message = nil
			}
			send(to)
		}
	})
}

// TestOneEventCausesSeveralRecords: all of them, in their order; but of one event
// no two messages go to one partition, where receivers would drop the second.
func TestOneEventCausesSeveralRecords(t *testing.T) {
	t.Parallel()
	raw := &events.Record{Value: []byte("raw")}
	for name, c := range map[string]struct {
		to      []events.Outgoing
		refused bool
	}{
		"two partitions, two topics":     {to: []events.Outgoing{{Topic: "a"}, {Topic: "a", Partition: 1}, {Topic: "b"}}},
		"raw records with IDs of theirs": {to: []events.Outgoing{{Topic: "a"}, {Topic: "a", Raw: raw}, {Topic: "a", Raw: raw}}},
		"two messages on one partition":  {to: []events.Outgoing{{Topic: "a"}, {Topic: "b"}, {Topic: "a"}}, refused: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := setup(t, memlog.New(), "x", "y")
			b.cfg.Hooks.Owned = nil
			b.cfg.NewCore = func() eventlog.Core[string] { return fanning{newToyCore().(*toyCore), c.to} }
			if c.refused {
				err := eventlog.NewOwner(b.cfg).Run(t.Context())
				if err == nil || !strings.Contains(err.Error(), "two messages on one partition") || len(b.outbox.sent) > 0 {
					t.Errorf("Run returned %v, %d records were sent", err, len(b.outbox.sent))
				}
				return
			}
			stop := b.run(t)
			b.await(t, 2*len(c.to))
			_ = stop()
			for i, r := range b.outbox.sent {
				if to := c.to[i%len(c.to)]; (to.Raw != nil) != (string(r.Value) == "raw") {
					t.Errorf("record %d is %q", i, r.Value)
				}
			}
		})
	}
}
