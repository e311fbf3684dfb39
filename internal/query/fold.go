package query

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// overtaken bounds how often a fold begins anew because what it was about to read
// was deleted.
const overtaken = 3

// folding begins a fold of a partition again where truncation overtook it.
func (q *Querier) folding(ctx context.Context, topic string, partition int32, fold func(start int64, log eventlog.Log) error) error {
	for try := 1; ; try++ {
		log := q.log(topic, partition)
		start, _, err := eventlog.Bounds(ctx, log)
		if err != nil {
			return wrap(err, "look up the offsets of %s/%d", topic, partition)
		}
		err = fold(start, log)
		if !eventlog.IsOutOfRange(err) || try == overtaken {
			return err
		}
	}
}

func (q *Querier) snapshots(topic string, partition int32) *eventlog.Snapshots {
	return &eventlog.Snapshots{
		Log: q.log(events.Snapshots(topic), partition), Topic: topic, Partition: partition,
		Encoder: q.encoder,
	}
}

// stateAt restores the state of a log whose beginning is gone from a snapshot: the
// newest that is not beyond a moment, or the oldest that can be used, which leaves
// more of the history to be folded. A *eventlog.LossError says that there is none,
// NO_HISTORY that all are beyond it.
func (q *Querier) stateAt(ctx context.Context, log eventlog.Log, cfg placement.Config, at At, newest bool) (*placement.State, *events.LogSnapshot, error) {
	s := q.snapshots(q.topics.Events(), cfg.Partition)
	usable, beyond, err := s.Usable(ctx, log)
	if err != nil {
		return nil, nil, err
	}
	if usable, err = at.among(usable); err != nil {
		return nil, nil, err
	}
	if !newest {
		slices.Reverse(usable)
	}
	snap, core, err := s.Restore(ctx, usable, func() eventlog.Fold { return placement.New(cfg) })
	if err != nil {
		return nil, nil, err
	}
	state, ok := core.(*placement.State)
	if snap == nil || !ok {
		start, end, err := eventlog.Bounds(ctx, log)
		if err != nil {
			return nil, nil, err
		}
		lost := &eventlog.LossError{
			Topic: s.Topic, Partition: s.Partition, Start: start, End: end, Snapshots: len(usable) + len(beyond),
		}
		return nil, nil, fmt.Errorf("%s: %w", CodeRecordsLost, lost)
	}
	return state, snap.Manifest, nil
}

// foldState folds a partition with the scheduler's own core, to its end or to a
// moment.
func (q *Querier) foldState(ctx context.Context, cfg placement.Config, at At) (state *placement.State, done folded, err error) {
	err = q.folding(ctx, q.topics.Events(), cfg.Partition, func(start int64, log eventlog.Log) (err error) {
		r := eventlog.NewReader(log, q.topics.Events(), cfg.Partition)
		if state = placement.New(cfg); start > 0 {
			var m *events.LogSnapshot
			if state, m, err = q.stateAt(ctx, log, cfg, at, true); err != nil {
				return err
			}
			if r, err = eventlog.NewReaderFrom(log, m); err != nil {
				return err
			}
		}
		if done, err = q.readTo(ctx, reading{r, q.topics.Events(), cfg.Partition, start}, at, func(l events.Logged, _ *events.Record) { state.Apply(l) }); err != nil {
			return err
		}
		return state.Err()
	})
	return state, done, err
}

// foldTasks folds the tasks of a partition to its end or to a moment. Where its
// beginning is gone, all that is left is read: of what is older than the oldest
// snapshot, the history alone, and from there on the core, too.
func (q *Querier) foldTasks(ctx context.Context, partition int32, what TaskQuery) (h *history, done folded, err error) {
	topic := q.topics.Events()
	err = q.folding(ctx, q.topics.Events(), partition, func(start int64, log eventlog.Log) (err error) {
		state, at := placement.New(q.core(partition)), int64(0)
		if start > 0 {
			var m *events.LogSnapshot
			if state, m, err = q.stateAt(ctx, log, q.core(partition), what.At, false); err != nil {
				return err
			}
			at = m.Offset
		}
		h = newHistory(what)
		r := eventlog.NewReaderAt(log, topic, partition, start)
		see := func(l events.Logged, rec *events.Record) {
			if l.Offset >= at && h.core == nil {
				h.begin(state)
			}
			h.see(topic, partition, l, rec)
		}
		if done, err = q.readTo(ctx, reading{r, topic, partition, start}, what.At, see); err != nil {
			return err
		}
		if what.ID != "" && what.At.Now() && len(h.order) == 0 {
			if err := q.awaitDecisions(ctx, &done, partition, see); err != nil {
				return err
			}
		}
		if h.core == nil { // Nothing stands behind the snapshot.
			h.begin(state)
		}
		return state.Err()
	})
	return h, done, err
}

// asked is where the requests of a partition end that are to be decided. A copy has none:
// they are decided where its log is written.
func (q *Querier) asked(ctx context.Context, partition int32) (end int64, err error) {
	var copied *eventlog.ReadOnlyError
	switch err := eventlog.Writable(ctx, q.log(q.topics.Events(), partition)); {
	case errors.As(err, &copied):
		return 0, nil
	case err != nil:
		return 0, err
	}
	_, end, err = q.offsets(ctx, q.topics.Requests(), partition)
	return end, err
}

// awaitDecisions reads on until the requests that are there by now are decided, or for
// as long as the scheduler is given for that: what was submitted a moment ago is then
// shown, and not said to be unknown.
func (q *Querier) awaitDecisions(ctx context.Context, done *folded, partition int32, see eventlog.Visit) error {
	asked, err := q.asked(ctx, partition)
	if err != nil {
		return err
	}
	for until := time.Now().Add(decisionWait); q.decided(done.reader, partition) < asked; {
		left := time.Until(until)
		if left <= 0 {
			break
		}
		if err := done.reader.Poll(ctx, min(left, tailWait), see); err != nil {
			return err
		}
	}
	done.asOf.Offset, done.nowMs = done.reader.Position(), time.Now().UnixMilli()
	return nil
}
