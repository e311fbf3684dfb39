package scheduler

import (
	"context"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

func (p *partition) newCore() eventlog.Core[input] { return placement.New(p.placementConfig()) }

func (p *partition) pump(topic string, was *trail, prepare func(string, int32, *events.Record) input, now func() time.Time) *pump {
	m, figures := p.service.metrics, p.service.metrics.partition(p.number)
	return &pump{
		at: p.at(topic), log: p.service.kafka.Partition(topic, p.number), prepare: prepare, now: now, trail: was,
		gone: func(at eventlog.TopicPartition, from, next int64) {
			if next < from {
				p.log.Error("an input has lost its tail; going on behind what is left", "input", at.Topic, "from", from, "next", next)
			} else {
				p.log.Error("inputs were deleted before they were read; going on behind them", "input", at.Topic, "from", from, "start", next)
			}
			m.losses.Add(context.Background(), 1)
		},
		read: func(kept int64, age time.Duration) { figures.input(topic, kept, age) },
	}
}

// keeper makes the housekeeper of this partition, with handles of its own.
func (p *partition) keeper(ctx context.Context, now func() time.Time) *keeper {
	s := p.service
	return &keeper{ctx: ctx, work: &eventlog.Housekeeper{
		Log: s.kafka.Partition(s.topics.Events(), p.number),
		Snapshots: &eventlog.Snapshots{
			Log:   s.kafka.Partition(events.Snapshots(s.topics.Events()), p.number),
			Topic: s.topics.Events(), Partition: p.number, Encoder: s.encoder(), OnBad: p.badSnapshot,
		},
		Truncator: s.kafka,
		NewFold:   func() eventlog.Fold { return p.newCore() },
		Keep:      s.cfg.Logs.history(),
		Now:       now,
	}}
}

func (p *partition) snapshotConfig(k eventlog.Keeper) *eventlog.SnapshotConfig {
	s := p.service
	return &eventlog.SnapshotConfig{
		Log:    s.kafka.Partition(events.Snapshots(s.topics.Events()), p.number),
		Keeper: k,
		Bytes:  s.cfg.Logs.SnapshotBytes, Events: s.cfg.Logs.SnapshotEvents, Interval: s.cfg.Logs.interval(),
	}
}

// receivers are all partitions of the assignments: which engines had read what is
// lost nobody knows.
func (p *partition) receivers() []eventlog.TopicPartition {
	out := make([]eventlog.TopicPartition, events.AssignmentPartitions)
	for i := range out {
		out[i] = eventlog.TopicPartition{Topic: p.service.topics.Assignments(), Partition: int32(i)}
	}
	return out
}

func (p *partition) restored(m *events.LogSnapshot) {
	p.log.Info("began at a snapshot", "offset", m.Offset, "bytes", m.StateBytes, "fold_version", m.FoldVersion)
}

func (p *partition) badSnapshot(m *events.LogSnapshot, err error) {
	p.log.Warn("a snapshot cannot be used", "offset", m.GetOffset(), "error", err)
	p.service.metrics.snapshot("unusable")
}

func (p *partition) kept(out eventlog.Outcome) {
	m := p.service.metrics
	if out.Err != nil {
		p.log.Warn("housekeeping failed; it will be tried again", "error", out.Err)
		m.snapshot("failed")
		return
	}
	if out.Saved != nil {
		p.log.Info("wrote a snapshot", "offset", out.Saved.Offset, "bytes", out.Saved.StateBytes)
		m.snapshot("saved")
	}
	if out.Deleted > 0 {
		p.log.Info("deleted the beginning of the log", "below", out.Deleted)
	}
}
