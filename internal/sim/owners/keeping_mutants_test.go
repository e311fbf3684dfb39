package owners

import (
	"context"
	"encoding/binary"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// keepingMutants break the laws of snapshots and truncation.
func keepingMutants(o **owners) []namedMutant {
	return []namedMutant{
		{"prunes snapshots by arrival", func(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) {
			truncating(cfg, func(t *sim.Truncator) eventlog.Truncator { return &byArrival{t, *o} })
		}},
		{"deletes above the older snapshot", func(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) {
			truncating(cfg, func(t *sim.Truncator) eventlog.Truncator { return &greedy{t, *o} })
		}},
		{"leaves what is unpublished out of snapshots", func(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) {
			cfg.Snapshots.Keeper = &oblivious{cfg.Snapshots.Keeper}
		}},
		{"takes a snapshot while decisions are tentative", tentative},
	}
}

type namedMutant struct {
	name string
	sim.Mutant[struct{}]
}

// truncating changes how an owner's housekeeper deletes.
func truncating(cfg *eventlog.OwnerConfig[struct{}], change func(*sim.Truncator) eventlog.Truncator) {
	k, ok := cfg.Snapshots.Keeper.(*sim.Keeper)
	if !ok {
		panic("not a keeper of the simulation")
	}
	work := k.Work
	k.Work = func(p *sim.Process) *eventlog.Housekeeper {
		h := work(p)
		t, ok := h.Truncator.(*sim.Truncator)
		if !ok {
			panic("not a truncator of the simulation")
		}
		h.Truncator = change(t)
		return h
	}
}

// byArrival keeps the two snapshots that arrived last.
type byArrival struct {
	*sim.Truncator
	owners *owners
}

func (m *byArrival) DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error {
	if topic == events.Snapshots(ownersTopic) {
		list, err := m.owners.store(m.owners.snapshots.Log).List(ctx)
		if err != nil || len(list) < 2 {
			return err
		}
		slices.SortFunc(list, func(a, b eventlog.Stored) int { return int(b.At - a.At) })
		before = min(list[0].First, list[1].First)
	}
	return m.Truncator.DeleteRecords(ctx, topic, partition, before)
}

// greedy deletes of the log what the newest snapshot holds.
type greedy struct {
	*sim.Truncator
	owners *owners
}

func (m *greedy) DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error {
	if topic == ownersTopic || topic == "in" {
		list, err := m.owners.store(m.owners.snapshots.Log).List(ctx)
		if err != nil || len(list) == 0 {
			return err
		}
		if topic == ownersTopic {
			before = list[0].Manifest.Offset
		}
	}
	return m.Truncator.DeleteRecords(ctx, topic, partition, before)
}

// oblivious writes snapshots without the events that are still to be published.
type oblivious struct{ eventlog.Keeper }

func (m *oblivious) Start(job eventlog.Job) bool {
	if job.Snapshot != nil {
		body := job.Snapshot.Body
		state := job.Snapshot.State()
		at := 1
		for range 5 { // through, truncated, and the loss of a tail
			_, n := binary.Uvarint(body[at:])
			at += n
		}
		rewrite(job.Snapshot, append(append(slices.Clone(body[:at]), 0), state...))
	}
	return m.Keeper.Start(job)
}

func rewrite(s *eventlog.Snapshot, body []byte) {
	s.Body = body
	s.Manifest.StateBytes, s.Manifest.StateHash = int64(len(body)), s.Hash()
}

// tentative puts off each snapshot until something has been decided since, and
// writes that state under the offset of before.
func tentative(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) {
	m := &early{Keeper: cfg.Snapshots.Keeper}
	cfg.Snapshots.Keeper = m
	cfg.NewCore = func() eventlog.Core[struct{}] { return &watched{toy: &toy{}, early: m} }
	cfg.Hooks.Observe = nil
}

type early struct {
	eventlog.Keeper
	waiting *eventlog.Job
}

func (m *early) Start(job eventlog.Job) bool {
	if job.Snapshot == nil {
		return m.Keeper.Start(job)
	}
	if m.waiting != nil {
		return false
	}
	m.waiting = &job
	return true
}

type watched struct {
	*toy
	early *early
}

func (c *watched) Decide(in events.Input[struct{}], now events.Clock, emit func(proto.Message)) {
	before := c.count
	c.toy.Decide(in, now, emit)
	if job := c.early.waiting; job != nil && c.count > before {
		own := job.Snapshot.Body[:len(job.Snapshot.Body)-len(job.Snapshot.State())]
		rewrite(job.Snapshot, c.Snapshot(slices.Clone(own)))
		c.early.waiting = nil
		c.early.Keeper.Start(*job)
	}
}
