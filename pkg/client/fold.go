package client

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// overtaken bounds how often a fold begins anew because what it was about to read
// was deleted.
const overtaken = 3

// folding begins a fold of a partition again where truncation overtook it.
func (c *Client) folding(ctx context.Context, partition int32, fold func(start int64, log eventlog.Log) error) error {
	topic := c.topics.Events()
	for try := 1; ; try++ {
		start, _, err := c.Offsets(ctx, topic, partition)
		if err != nil {
			return err
		}
		err = fold(start, c.broker.Log(topic, partition))
		if !eventlog.IsOutOfRange(err) || try == overtaken {
			return err
		}
	}
}

func (c *Client) snapshots(partition int32) *eventlog.Snapshots {
	topic := c.topics.Events()
	return &eventlog.Snapshots{
		Log: c.broker.Log(events.Snapshots(topic), partition), Topic: topic, Partition: partition,
		Encoder: c.encoder,
	}
}

// stateAt restores the state of a log whose beginning is gone from a snapshot: the
// newest that is not beyond a moment, or the oldest that can be used, which leaves
// more of the history to be folded. A *eventlog.LossError says that there is none,
// NO_HISTORY that all are beyond it.
func (c *Client) stateAt(ctx context.Context, log eventlog.Log, cfg placement.Config, at At, newest bool) (*placement.State, *events.LogSnapshot, error) {
	s := c.snapshots(cfg.Partition)
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
		return nil, nil, &eventlog.LossError{
			Topic: s.Topic, Partition: s.Partition, Start: start, End: end, Snapshots: len(usable) + len(beyond),
		}
	}
	return state, snap.Manifest, nil
}

// foldState folds a partition with the scheduler's own core, to its end or to a
// moment.
func (c *Client) foldState(ctx context.Context, cfg placement.Config, at At) (state *placement.State, done folded, err error) {
	err = c.folding(ctx, cfg.Partition, func(start int64, log eventlog.Log) (err error) {
		r := eventlog.NewReader(log, c.topics.Events(), cfg.Partition)
		if state = placement.New(cfg); start > 0 {
			var m *events.LogSnapshot
			if state, m, err = c.stateAt(ctx, log, cfg, at, true); err != nil {
				return err
			}
			if r, err = eventlog.NewReaderFrom(log, m); err != nil {
				return err
			}
		}
		done, err = c.readTo(ctx, reading{r, cfg.Partition, start}, at, func(l events.Logged, _ *events.Record) { state.Apply(l) })
		return err
	})
	return state, done, errors.Join(err, stateErr(state))
}

func stateErr(s *placement.State) error {
	if s == nil {
		return nil
	}
	return s.Err()
}

// foldTasks folds the tasks and engines of a partition to its end or to a moment.
// Where its beginning is gone, all that is left is read, and the state at a snapshot is put
// under it: it knows of what is older.
func (c *Client) foldTasks(ctx context.Context, partition int32, q TaskQuery, see func(f *taskFold, l events.Logged, rec *events.Record)) (f *taskFold, done folded, err error) {
	topic := c.topics.Events()
	err = c.folding(ctx, partition, func(start int64, log eventlog.Log) (err error) {
		f = newTaskFold(q)
		r := eventlog.NewReaderAt(log, topic, partition, start)
		var base *placement.State
		at := int64(-1)
		if start > 0 {
			state, m, err := c.stateAt(ctx, log, placement.Config{Topics: c.topics, Partition: partition}, q.At, false)
			if err != nil {
				return err
			}
			base, at = state, m.Offset
		}
		under := func(offset int64) {
			if base != nil && offset >= at {
				f.put(base)
				base = nil
			}
		}
		done, err = c.readTo(ctx, reading{r, partition, start}, q.At, func(l events.Logged, rec *events.Record) {
			under(l.Offset)
			if see != nil {
				see(f, l, rec)
			}
			f.apply(l)
		})
		under(r.Next())
		return err
	})
	return f, done, err
}

// put makes the tasks and engines those of a state. What is known of a task from
// its own events stays.
func (f *taskFold) put(state *placement.State) {
	for _, pool := range state.Pools() {
		incarnations := map[string]string{}
		for v := range state.Engines(pool.Pool) {
			incarnations[v.ID] = v.Incarnation
			f.putEngine(&v)
		}
		for v := range state.Tasks(pool.Pool) {
			f.putTask(&v, incarnations[v.Engine])
		}
	}
}

func (f *taskFold) putTask(v *placement.TaskView, incarnation string) {
	key := taskKey{events.Pool(v.Pool), events.TaskID(v.ID)}
	s := f.tasks[key]
	if s == nil {
		s = &TaskStatus{ID: key.task, Pool: key.pool, AcceptedMs: v.AcceptedMs}
		if State(v.State) != Rejected {
			s.Task = taskOf(v)
		}
		f.add(s)
	}
	if s.State.Ended() {
		return // Its own event says more.
	}
	s.State, s.Attempt, s.Token, s.Engine = State(v.State), v.Attempt, events.Token(v.Token), events.EngineID(v.Engine)
	s.AssignedMs, s.EndedMs = v.AssignedMs, v.EndedMs
	if s.State == Assigned || s.State == Running {
		s.incarnation = incarnation
	}
	if s.State.Ended() {
		s.Result = resultOfView(v)
	} else if v.Code != "" {
		s.Result.Error = &events.TaskError{Code: v.Code, Message: v.Message}
	}
}

// taskOf is the request as far as a state knows it; payloads stand in the log.
func taskOf(v *placement.TaskView) *events.Task {
	return &events.Task{
		Id: v.ID, Pool: v.Pool, Kind: v.Kind, Predicate: v.Predicate, Needs: v.Needs, Priority: v.Priority,
		Tenant: v.Tenant, ReplayOf: v.ReplayOf, NotBeforeMs: v.NotBeforeMs, Prefer: v.Prefer,
		LimitKey: v.LimitKey, Limit: v.Limit, After: v.After, Traceparent: v.Traceparent,
	}
}

func resultOfView(v *placement.TaskView) Result {
	r := Result{
		ID: events.TaskID(v.ID), Pool: events.Pool(v.Pool), State: State(v.State), Data: v.Result, Type: v.ResultType,
		Engine: events.EngineID(v.Engine), Attempt: v.Attempt, Token: events.Token(v.Token), Offset: v.EndedAt, AtMs: v.EndedMs,
	}
	switch {
	case r.State == Rejected:
		r.Code, r.Reason = events.Code(v.Code), v.Message
	case r.State == Expired:
		r.Reason = "no engine took it within its schedule timeout"
	case v.Code != "":
		r.Error = &events.TaskError{Code: v.Code, Message: v.Message}
	default:
		r.Reason = v.Message
	}
	return r
}

func (f *taskFold) putEngine(v *placement.EngineView) {
	key := engineKey{events.Pool(v.Pool), events.EngineID(v.ID)}
	e := &EngineStatus{
		Engine: &events.Engine{
			Id: v.ID, Pool: v.Pool, Incarnation: v.Incarnation, Site: v.Site, Kinds: v.Kinds, Allocatable: v.Allocatable,
			Labels: map[string]*structpb.Value{},
		},
		State: EngineState(v.State), Reason: v.Reason, Reserved: map[string]int64{}, RegisteredMs: v.RegisteredMs, ChangedMs: v.ChangedMs,
	}
	if known := f.engines[key]; known != nil && known.Incarnation == v.Incarnation {
		e.Engine = known.Engine
	}
	for name, label := range v.Labels {
		if value, err := structpb.NewValue(label); err == nil && e.Labels[name] == nil {
			e.Labels[name] = value
		}
	}
	f.engines[key] = e
	if e.State == EngineLost || e.State == EngineDeparted {
		f.gone[v.Incarnation] = true
	}
}

// forget: an operator has accepted that all of it is lost.
func (f *taskFold) forget() {
	fresh := newTaskFold(f.query)
	fresh.history = f.history
	*f = *fresh
}

// endedBefore is how a task ended whose last event is no longer in the log, as far
// as a snapshot knows.
func (c *Client) endedBefore(ctx context.Context, log eventlog.Log, start int64, key taskKey) (*Result, error) {
	state, _, err := c.stateAt(ctx, log, placement.Config{Topics: c.topics, Partition: events.PoolPartition(key.pool)}, At{}, true)
	if err != nil {
		return nil, err
	}
	v, ok := state.Task(key.pool, key.task)
	switch {
	case !ok || v.EndedAt >= start || v.EndedAt == 0 && !v.Ended():
		return nil, nil
	case v.State == "":
		return nil, &Refused{Code: events.CodeUnknownTask, Message: fmt.Sprintf(
			"task %q in pool %q ended at offset %d, which is no longer in the log; how is not known any more", key.task, key.pool, v.EndedAt)}
	}
	r := resultOfView(&v)
	return &r, nil
}
