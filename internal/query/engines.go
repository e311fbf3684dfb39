package query

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// The states of an engine.
const (
	EngineReady    = "ready"
	EngineDraining = "draining"
	EngineLost     = "lost"
	EngineDeparted = "departed"
)

// Engine is what the log says of the newest incarnation of an engine.
type Engine struct {
	placement.EngineView
	AsOf Position
	// AsOfMs is the time of asking, or that of the moment asked for, in milliseconds
	// since the Unix epoch.
	AsOfMs int64
}

// Engines folds the log to its end, or to a moment, and returns the engines of a
// pool, or of all, by pool and name; also those that were lost or departed, as far
// as the core remembers them. asOf says how far each partition was read. A moment
// before what the log holds is *client.Refused with NO_HISTORY.
func (q *Querier) Engines(ctx context.Context, pool events.Pool, at ...At) (engines []*Engine, asOf []Position, err error) {
	partitions, err := q.readAt(pool, the(at))
	if err != nil {
		return nil, nil, err
	}
	engines, asOf, err = onEach(ctx, partitions, func(ctx context.Context, p int32) ([]*Engine, folded, error) {
		return q.enginesOn(ctx, p, the(at))
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the engines: %w", err)
	}
	engines = slices.DeleteFunc(engines, func(e *Engine) bool { return pool != "" && e.Pool != string(pool) })
	slices.SortFunc(engines, func(a, b *Engine) int {
		return cmp.Or(cmp.Compare(a.Pool, b.Pool), cmp.Compare(a.ID, b.ID))
	})
	return engines, asOf, nil
}

func (q *Querier) enginesOn(ctx context.Context, partition int32, at At) ([]*Engine, folded, error) {
	state, done, err := q.foldState(ctx, q.core(partition), at)
	if err != nil {
		return nil, done, err
	}
	var out []*Engine
	for _, pool := range state.Pools() {
		for v := range state.Engines(pool.Pool) {
			out = append(out, &Engine{v, done.asOf, done.nowMs})
		}
	}
	return out, done, nil
}

// Engine returns one engine, now or as it was at a moment. The error is
// *client.Refused with UNKNOWN_ENGINE if the pool has none of that name.
func (q *Querier) Engine(ctx context.Context, pool events.Pool, id events.EngineID, at ...At) (*Engine, error) {
	all, _, err := q.Engines(ctx, orDefault(pool), at...)
	if err != nil {
		return nil, err
	}
	for _, e := range all {
		if e.ID == string(id) {
			return e, nil
		}
	}
	return nil, &client.Refused{Code: events.CodeUnknownEngine, Message: fmt.Sprintf("no engine %q in pool %q", id, orDefault(pool))}
}
