package logowner

import (
	"cmp"
	"context"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// hooks connects the owner with logs, metrics and readiness, besides what the program
// does at them.
func (p *partition[I]) hooks(own eventlog.Hooks[I], now func() time.Time) eventlog.Hooks[I] {
	m, ctx, stuck := p.service.metrics, context.Background(), newStuck(p.log, now)
	h := own
	h.Owned = func(epoch uint32, core eventlog.Core[I]) {
		p.log.Info("owning", "epoch", epoch)
		p.owning = true
		p.try.Passed()
		m.claims.Add(ctx, 1)
		m.held(p.number, eventlog.TopicPartition{}, false) // So that 0 is told.
		if own.Owned != nil {
			own.Owned(epoch, core)
		}
		p.once.Do(func() { close(p.owned) })
	}
	h.Disowned = func(err error) {
		m.clear(p.number)
		m.logs.Forget(p.service.cfg.Log, p.number)
		stuck.forget()
		if own.Disowned != nil {
			own.Disowned(err)
		}
	}
	h.Appended = func(events, bytes int) {
		m.events.Add(ctx, int64(events))
		if own.Appended != nil {
			own.Appended(events, bytes)
		}
	}
	h.Skipped = func(why eventlog.Skip, records int) {
		m.skip(why.String(), records)
		if own.Skipped != nil {
			own.Skipped(why, records)
		}
	}
	h.Lost = func(err error) {
		p.log.Error("acknowledged records are gone", "error", err)
		m.losses.Add(ctx, 1)
		if own.Lost != nil {
			own.Lost(err)
		}
	}
	h.Observe = func(core eventlog.Core[I]) {
		stuck.look()
		if own.Observe != nil {
			own.Observe(core)
		}
	}
	h.HeldBack = func(to eventlog.TopicPartition, held bool) {
		m.held(p.number, to, held)
		stuck.heldBack(to, held)
		if own.HeldBack != nil {
			own.HeldBack(to, held)
		}
	}
	p.snapshotHooks(&h, own)
	return h
}

// snapshotHooks are those about snapshots.
func (p *partition[I]) snapshotHooks(h *eventlog.Hooks[I], own eventlog.Hooks[I]) {
	h.Restored = func(m *events.LogSnapshot) {
		p.log.Info("began at a snapshot", "offset", m.Offset, "bytes", m.StateBytes, "fold_version", m.FoldVersion)
		if own.Restored != nil {
			own.Restored(m)
		}
	}
	h.BadSnapshot = func(m *events.LogSnapshot, err error) {
		p.badSnapshot(m, err)
		if own.BadSnapshot != nil {
			own.BadSnapshot(m, err)
		}
	}
	h.Kept = func(out eventlog.Outcome) {
		p.kept(out)
		if own.Kept != nil {
			own.Kept(out)
		}
	}
}

func (p *partition[I]) badSnapshot(m *events.LogSnapshot, err error) {
	p.log.Warn("a snapshot cannot be used", "offset", m.GetOffset(), "error", err)
	p.service.metrics.logs.Snapshot(p.service.cfg.Log, "unusable")
}

func (p *partition[I]) kept(out eventlog.Outcome) {
	logs, topic := p.service.metrics.logs, p.service.cfg.Log
	if out.Err != nil {
		p.log.Warn("housekeeping failed; it will be tried again", "error", out.Err)
		logs.Snapshot(topic, "failed")
		return
	}
	if out.Saved != nil {
		p.log.Info("wrote a snapshot", "offset", out.Saved.Offset, "bytes", out.Saved.StateBytes)
		logs.Snapshot(topic, "saved")
	}
	if out.Deleted > 0 {
		p.log.Info("deleted the beginning of the log", "below", out.Deleted)
	}
}

// sources are the inputs of this partition.
func (p *partition[I]) sources(now func() time.Time) (out []*merged[I]) {
	c := &p.service.cfg
	for _, in := range c.Inputs {
		at := eventlog.TopicPartition{Topic: in.Topic, Partition: in.of(p.number)}
		if p.trails[at] == nil {
			p.trails[at] = &trail{}
		}
		entry, _ := c.entry(in.Topic)
		out = append(out, &merged[I]{silence: in.Silence, source: source[I]{
			at: at, log: c.Cluster.Partition(at.Topic, at.Partition), view: p.view(entry, at), prepare: in.Prepare, missed: in.Missed,
			now: now, trail: p.trails[at], gone: p.gone, board: p.service.board,
			read: func(kept inputGauge) { p.service.metrics.input(at.Topic, at.Partition, kept) },
		}})
	}
	return out
}

// view is how the entry of an input says that it is read.
func (p *partition[I]) view(entry events.Log, at eventlog.TopicPartition) view {
	if entry.Kind != events.OwnedLog {
		return everything{}
	}
	return &counted{at: at, skipped: func(why eventlog.Skip, records []events.Record) {
		p.service.metrics.skip(why.String(), len(records))
	}}
}

// gone tells that records of an input are lost.
func (p *partition[I]) gone(at eventlog.TopicPartition, from, next int64) {
	if next < from {
		p.log.Error("an input has lost its tail; reading again what may be new of what is left", "input", at.Topic, "read_to", from, "again_from", next)
	} else {
		p.log.Error("inputs were deleted before they were read; going on behind them", "input", at.Topic, "from", from, "start", next)
	}
	p.service.metrics.losses.Add(context.Background(), 1)
}

// keeper makes the housekeeper of this partition, with handles of its own.
func (p *partition[I]) keeper(ctx context.Context, now func() time.Time) *keeper {
	c := &p.service.cfg
	k := &keeper{ctx: ctx, work: &eventlog.Housekeeper{
		Log: c.Cluster.Partition(c.Log, p.number),
		Snapshots: &eventlog.Snapshots{
			Log:   c.Cluster.Partition(events.Snapshots(c.Log), p.number),
			Topic: c.Log, Partition: p.number, Encoder: c.Encoder, OnBad: p.badSnapshot,
		},
		Truncator: truncator{c.Cluster, c.deletes},
		NewFold:   func() eventlog.Fold { return c.NewCore(p.number) },
		Keep:      cmp.Or(c.Snapshots.History, DefaultHistory),
		Now:       now,
	}}
	k.after = func(out eventlog.Outcome) { p.service.metrics.logs.Kept(ctx, c.Log, p.number, k.work, out) }
	// A job that ended behind Disowned has told of the log once more.
	k.left = func() { p.service.metrics.logs.Forget(c.Log, p.number) }
	return k
}

func (p *partition[I]) snapshots(k eventlog.Keeper) *eventlog.SnapshotConfig {
	c := &p.service.cfg
	return &eventlog.SnapshotConfig{
		Log:    c.Cluster.Partition(events.Snapshots(c.Log), p.number),
		Keeper: k,
		Bytes:  c.Snapshots.Bytes, Events: c.Snapshots.Events, Interval: cmp.Or(c.Snapshots.Interval, DefaultInterval),
	}
}

// truncator deletes only what is the owner's to delete: not what another owner wrote,
// or others still read.
type truncator struct {
	eventlog.Truncator
	deletes func(topic string) bool
}

func (t truncator) DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error {
	if !t.deletes(topic) {
		return nil
	}
	return t.Truncator.DeleteRecords(ctx, topic, partition, before)
}
