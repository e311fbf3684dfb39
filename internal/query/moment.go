package query

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// folded says how far a fold came.
type folded struct {
	reader *eventlog.Reader
	asOf   Position
	// nowMs is the time of asking: the clock's, or that of the moment asked for.
	nowMs int64
	// start is the first offset that the log holds; events is how many were folded.
	start  int64
	events int
	// first is the oldest event that the log holds, if the moment is before it.
	first   Position
	firstMs int64
}

// tooEarly refuses an answer if the moment is before the first event.
func (f *folded) tooEarly() error {
	if f.start > 0 || f.events > 0 || f.firstMs == 0 {
		return nil // Behind a snapshot the log need not have an event.
	}
	return &client.Refused{Code: CodeNoHistory, Message: fmt.Sprintf("the log did not exist yet; answers exist from %s (%s) on",
		events.Stamp(f.firstMs), f.first)}
}

// reading is a reader of a partition, and the first offset that the log holds.
type reading struct {
	reader    *eventlog.Reader
	topic     string
	partition int32
	start     int64
}

// readTo folds what a reader has not read yet, up to a moment. Every fold of an owned
// log that is answered with as of a moment ends here.
func (q *Querier) readTo(ctx context.Context, in reading, at At, then eventlog.Visit) (folded, error) {
	topic := in.topic
	var tooNew error
	apply := func(l events.Logged, r *events.Record) {
		if m, ok := l.Message.(*events.LogFoldVersionRaised); ok && m.Version > placement.NewestFoldVersion && tooNew == nil {
			tooNew = &placement.FoldVersionError{Version: m.Version, Known: placement.NewestFoldVersion}
		}
		then(l, r)
	}
	f := folded{reader: in.reader, asOf: Position{topic, in.partition, in.start}, start: in.start}
	if at.Now() {
		err := f.reader.Barrier(ctx, apply)
		f.asOf.Offset, f.nowMs = f.reader.Position(), time.Now().UnixMilli()
		return f, cmp.Or(err, tooNew)
	}
	_, end, err := eventlog.Bounds(ctx, q.log(topic, in.partition))
	if err != nil {
		return f, wrap(err, "look up the offsets of %s/%d", topic, in.partition)
	}
	if err := q.reachable(at, f.asOf, end); err != nil {
		return f, err
	}
	m := past{folded: &f, at: at, stop: end, apply: apply}
	if offset, ok := at.Offset(); ok {
		m.stop = offset
	} else {
		f.nowMs = at.value
	}
	for f.reader.Position() < m.stop && f.reader.Next() < end {
		err := f.reader.Poll(ctx, tailWait, m.see)
		if err == nil && f.reader.End() < end {
			end, err = eventlog.Reachable(ctx, q.log(topic, in.partition), end)
		}
		if err != nil {
			return f, err
		}
	}
	f.asOf.Offset = min(m.stop, f.reader.Position())
	return f, tooNew
}

// among leaves those snapshots that are not beyond the moment.
func (a At) among(usable []eventlog.Stored) ([]eventlog.Stored, error) {
	if a.Now() || len(usable) == 0 {
		return usable, nil
	}
	var out []eventlog.Stored
	for _, s := range usable {
		if a.kind == atOffset && s.Manifest.Offset <= a.value || a.kind == atTime && s.Manifest.AtMs <= a.value {
			out = append(out, s)
		}
	}
	if len(out) == 0 {
		oldest := usable[len(usable)-1].Manifest
		return nil, &client.Refused{Code: CodeNoHistory, Message: fmt.Sprintf("%s is not kept any more; answers exist from %s (%s) on",
			a, events.Stamp(oldest.AtMs), Position{oldest.Topic, oldest.Partition, oldest.Offset})}
	}
	return out, nil
}

// reachable refuses a moment of which it is known beforehand that the log cannot
// tell of it.
func (q *Querier) reachable(at At, start Position, end int64) error {
	offset, isOffset := at.Offset()
	switch {
	case isOffset && offset < start.Offset:
		return &client.Refused{Code: CodeNoHistory, Message: fmt.Sprintf("offset %d is not kept any more; answers exist from %s on", offset, start)}
	case isOffset && offset > end:
		return &client.Refused{Code: CodeNotYet, Message: fmt.Sprintf("offset %d has not been written; the end is at %s", offset, Position{start.Topic, start.Partition, end})}
	case !isOffset && at.value > time.Now().UnixMilli():
		return &client.Refused{Code: CodeNotYet, Message: fmt.Sprintf("%s has not come; what will be is not in the log", at)}
	}
	return nil
}

// past folds up to a moment.
type past struct {
	*folded
	at    At
	stop  int64
	apply eventlog.Visit
}

func (m *past) see(l events.Logged, r *events.Record) {
	if l.Offset >= m.stop {
		return
	}
	ms := int64(0)
	if e, ok := l.Message.(interface{ GetAtMs() int64 }); ok {
		ms = e.GetAtMs()
	}
	if m.at.kind == atTime && ms > m.at.value {
		m.stop = l.Offset
		if m.events == 0 {
			m.first, m.firstMs = Position{m.asOf.Topic, m.asOf.Partition, l.Offset}, ms
		}
		return
	}
	if ms > 0 {
		m.events++
	}
	if m.at.kind == atOffset {
		m.nowMs = max(m.nowMs, ms)
	}
	m.apply(l, r)
}

// allTooEarly refuses an answer if the moment is before the first event of every
// partition that has any.
func allTooEarly(read []folded) error {
	var oldest *folded
	for i := range read {
		f := &read[i]
		if f.events > 0 || f.start > 0 {
			return nil
		}
		if f.firstMs != 0 && (oldest == nil || f.firstMs < oldest.firstMs) {
			oldest = f
		}
	}
	if oldest == nil {
		return nil
	}
	return oldest.tooEarly()
}

// Events gives every event that counts of the partition that a pool is on, from
// the first that is kept to the end of the log or to a moment, and says how far
// that was. Other pools of the partition are in it. What see gets is its own to
// keep. begin gives what is to see them; where the log's beginning is gone, it is
// told of the state before what is left, that of a snapshot, else of nil. It may be
// called again, and then all begins anew: truncation overtook the reader.
func (q *Querier) Events(ctx context.Context, pool events.Pool, begin func(*placement.State) (see func(events.Logged)), at ...At) (Position, error) {
	pool = orDefault(pool)
	if _, err := q.readAt(pool, the(at)); err != nil {
		return Position{}, err
	}
	partition := events.PoolPartition(pool)
	var done folded
	err := q.folding(ctx, q.topics.Events(), partition, func(start int64, log eventlog.Log) (err error) {
		r := eventlog.NewReader(log, q.topics.Events(), partition)
		var state *placement.State
		if start > 0 {
			var m *events.LogSnapshot
			if state, m, err = q.stateAt(ctx, log, placement.Config{Topics: q.topics, Partition: partition}, the(at), false); err != nil {
				return err
			}
			if r, err = eventlog.NewReaderFrom(log, m); err != nil {
				return err
			}
		}
		see := begin(state)
		done, err = q.readTo(ctx, reading{r, q.topics.Events(), partition, start}, the(at), func(l events.Logged, _ *events.Record) { see(l) })
		return err
	})
	return done.asOf, wrap(err, "read the events of pool %q", pool)
}
