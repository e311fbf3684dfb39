package query

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// Pool is what the log says of one pool.
type Pool struct {
	placement.PoolFigures
	// Settings are empty where the defaults hold.
	Settings *events.PoolSettings
	// Imported is where the pool was taken over from last, as CLUSTER/TOPIC/PARTITION@OFFSET;
	// empty: it never was. Replaced: its tasks are placed at another site.
	Imported string
	Replaced bool
	AsOf     Position
}

// Pools folds the log to its end, or to a moment, and returns the pools that it
// has heard of, by name. asOf says how far each partition was read.
func (q *Querier) Pools(ctx context.Context, at ...At) (pools []*Pool, asOf []Position, err error) {
	pools, asOf, err = q.pools(ctx, q.partitionsOf(""), the(at))
	return pools, asOf, wrap(err, "read the pools")
}

// Pool returns one pool. Of one that the log has never heard of, all defaults hold.
func (q *Querier) Pool(ctx context.Context, name events.Pool, at ...At) (*Pool, error) {
	name = orDefault(name)
	pools, asOf, err := q.pools(ctx, q.partitionsOf(name), the(at))
	if err != nil {
		return nil, wrap(err, "read pool %q", name)
	}
	for _, p := range pools {
		if p.Pool == name {
			return p, nil
		}
	}
	return &Pool{PoolFigures: placement.PoolFigures{Pool: name}, Settings: &events.PoolSettings{}, AsOf: asOf[0]}, nil
}

func (q *Querier) pools(ctx context.Context, partitions []int32, at At) ([]*Pool, []Position, error) {
	all, asOf, err := onEach(ctx, partitions, func(ctx context.Context, p int32) ([]*Pool, folded, error) {
		return q.poolsOn(ctx, p, at)
	})
	slices.SortFunc(all, func(a, b *Pool) int { return strings.Compare(string(a.Pool), string(b.Pool)) })
	return all, asOf, err
}

func (q *Querier) poolsOn(ctx context.Context, partition int32, at At) ([]*Pool, folded, error) {
	state, done, err := q.foldState(ctx, q.core(partition), at)
	if err != nil {
		return nil, done, fmt.Errorf("fold %s/%d: %w", q.topics.Events(), partition, err)
	}
	var out []*Pool
	for _, p := range state.Pools() {
		of, replaced := state.Imported(p.Pool)
		out = append(out, &Pool{PoolFigures: p, Settings: state.Settings(p.Pool), Imported: of, Replaced: replaced, AsOf: done.asOf})
	}
	return out, done, nil
}

// onEach reads some partitions, four at once, and joins what they give in their
// order. asOf says how far each was read.
func onEach[T any](ctx context.Context, partitions []int32, read func(ctx context.Context, partition int32) ([]T, folded, error)) (all []T, asOf []Position, err error) {
	found, done := make([][]T, len(partitions)), make([]folded, len(partitions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, p := range partitions {
		group.Go(func() (err error) {
			found[i], done[i], err = read(ctx, p)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, nil, err
	}
	if err := allTooEarly(done); err != nil {
		return nil, nil, err
	}
	for i := range done {
		asOf = append(asOf, done[i].asOf)
	}
	return slices.Concat(found...), asOf, nil
}
