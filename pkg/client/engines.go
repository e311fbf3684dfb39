package client

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/pkg/events"
)

// EngineState is where an engine stands.
type EngineState string

// The states of an engine.
const (
	EngineReady    EngineState = "ready"
	EngineDraining EngineState = "draining"
	EngineLost     EngineState = "lost"
	EngineDeparted EngineState = "departed"
)

// EngineStatus is what the log says of the newest incarnation of an engine.
type EngineStatus struct {
	*events.Engine
	State EngineState
	// Reserved of what it has, by the tasks that it holds.
	Reserved map[string]int64
	// Running is how many tasks it holds.
	Running int
	Reason  string
	// RegisteredMs and ChangedMs, in milliseconds since the Unix epoch.
	RegisteredMs, ChangedMs int64
	AsOf                    Position
	// AsOfMs is the time of asking, or that of the moment asked for, in milliseconds
	// since the Unix epoch.
	AsOfMs int64
}

type engineKey struct {
	pool events.Pool
	id   events.EngineID
}

// Engines folds the log to its end, or to a moment, and returns the engines of a
// pool, or of all, by pool and name; those that are lost or departed too. asOf
// says how far each partition was read. A moment before what the log holds is
// *Refused with NO_HISTORY.
func (c *Client) Engines(ctx context.Context, pool events.Pool, at ...At) (engines []*EngineStatus, asOf []Position, err error) {
	partitions, err := c.readAt(pool, the(at))
	if err != nil {
		return nil, nil, err
	}
	found := make([][]*EngineStatus, len(partitions))
	asOf = make([]Position, len(partitions))
	read := make([]folded, len(partitions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, p := range partitions {
		group.Go(func() (err error) {
			found[i], read[i], err = c.enginesOn(ctx, p, the(at))
			asOf[i] = read[i].asOf
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, fmt.Errorf("read the engines: %w", err)
	}
	if err := allTooEarly(read); err != nil {
		return nil, nil, err
	}
	all := slices.DeleteFunc(slices.Concat(found...), func(e *EngineStatus) bool { return pool != "" && e.Pool != string(pool) })
	slices.SortFunc(all, func(a, b *EngineStatus) int {
		return cmp.Or(cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.Id, b.Id))
	})
	return all, asOf, nil
}

func (c *Client) enginesOn(ctx context.Context, partition int32, at At) ([]*EngineStatus, folded, error) {
	f, done, err := c.foldTasks(ctx, partition, TaskQuery{At: at}, nil)
	if err != nil {
		return nil, done, err
	}
	f.reserve()
	var out []*EngineStatus
	for _, e := range f.engines {
		e.AsOf, e.AsOfMs = done.asOf, done.nowMs
		out = append(out, e)
	}
	return out, done, nil
}

// Engine returns one engine, now or as it was at a moment. The error is *Refused
// with UNKNOWN_ENGINE if the pool has none of that name.
func (c *Client) Engine(ctx context.Context, pool events.Pool, id events.EngineID, at ...At) (*EngineStatus, error) {
	all, _, err := c.Engines(ctx, orDefault(pool), at...)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if e.Id == string(id) {
			return e, nil
		}
	}
	return nil, &Refused{Code: events.CodeUnknownEngine, Message: fmt.Sprintf("no engine %q in pool %q", id, orDefault(pool))}
}

// reserve adds up what the unfinished attempts hold.
func (f *taskFold) reserve() {
	byIncarnation := make(map[string]*EngineStatus, len(f.engines))
	for _, e := range f.engines {
		byIncarnation[e.Incarnation] = e
	}
	for _, s := range f.tasks {
		e := byIncarnation[s.incarnation]
		if e == nil || f.gone[s.incarnation] || s.State != Assigned && s.State != Running {
			continue
		}
		e.Running++
		if len(s.Task.GetNeeds()) == 0 {
			e.Reserved["slots"]++
		}
		for name, n := range s.Task.GetNeeds() {
			e.Reserved[name] += n
		}
	}
}

// applyEngine folds what happens to engines; false if l is about something else.
func (f *taskFold) applyEngine(l events.Logged) bool {
	switch m := l.Message.(type) {
	case *events.EngineRegistered:
		key := engineKey{events.Pool(m.Engine.GetPool()), events.EngineID(m.Engine.GetId())}
		if old := f.engines[key]; old != nil && old.Incarnation != m.Engine.GetIncarnation() {
			f.gone[old.Incarnation] = true
		}
		f.engines[key] = &EngineStatus{
			Engine: m.Engine, State: EngineReady, Reserved: map[string]int64{}, RegisteredMs: m.AtMs, ChangedMs: m.AtMs,
		}
	case *events.EngineDraining:
		f.change(m, EngineDraining, m.Reason)
	case *events.EngineResumed:
		f.change(m, EngineReady, "")
	case *events.EngineLost:
		f.gone[m.Incarnation] = true
		f.change(m, EngineLost, m.Reason)
	case *events.EngineDeparted:
		f.gone[m.Incarnation] = true
		f.change(m, EngineDeparted, "")
	default:
		return false
	}
	return true
}

func (f *taskFold) change(m interface {
	GetPool() string
	GetEngineId() string
	GetIncarnation() string
	GetAtMs() int64
}, state EngineState, reason string) {
	e := f.engines[engineKey{events.Pool(m.GetPool()), events.EngineID(m.GetEngineId())}]
	if e != nil && e.Incarnation == m.GetIncarnation() {
		e.State, e.Reason, e.ChangedMs = state, reason, m.GetAtMs()
	}
}
