package client

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// PoolStatus is what the log says of one pool.
type PoolStatus struct {
	placement.PoolFigures
	// Settings are empty where the defaults hold.
	Settings *events.PoolSettings
	AsOf     Position
}

// Pools folds the log to its end, or to a moment, and returns the pools that it
// has heard of, by name. asOf says how far each partition was read.
func (c *Client) Pools(ctx context.Context, at ...At) (pools []*PoolStatus, asOf []Position, err error) {
	pools, asOf, err = c.pools(ctx, c.partitionsOf(""), the(at))
	return pools, asOf, wrap(err, "read the pools")
}

// Pool returns one pool. Of one that the log has never heard of, all defaults hold.
func (c *Client) Pool(ctx context.Context, name events.Pool, at ...At) (*PoolStatus, error) {
	name = orDefault(name)
	pools, asOf, err := c.pools(ctx, c.partitionsOf(name), the(at))
	if err != nil {
		return nil, wrap(err, "read pool %q", name)
	}
	for _, p := range pools {
		if p.Pool == name {
			return p, nil
		}
	}
	return &PoolStatus{PoolFigures: placement.PoolFigures{Pool: name}, Settings: &events.PoolSettings{}, AsOf: asOf[0]}, nil
}

func (c *Client) pools(ctx context.Context, partitions []int32, at At) ([]*PoolStatus, []Position, error) {
	found, read := make([][]*PoolStatus, len(partitions)), make([]folded, len(partitions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, p := range partitions {
		group.Go(func() (err error) {
			found[i], read[i], err = c.poolsOn(ctx, p, at)
			return err
		})
	}
	if err := cmp.Or(group.Wait(), allTooEarly(read)); err != nil {
		return nil, nil, err
	}
	asOf := make([]Position, len(read))
	for i := range read {
		asOf[i] = read[i].asOf
	}
	all := slices.Concat(found...)
	slices.SortFunc(all, func(a, b *PoolStatus) int { return strings.Compare(string(a.Pool), string(b.Pool)) })
	return all, asOf, nil
}

func (c *Client) poolsOn(ctx context.Context, partition int32, at At) ([]*PoolStatus, folded, error) {
	state, done, err := c.foldState(ctx, placement.Config{Topics: c.topics, Partition: partition, PayloadBytes: 1}, at)
	if err != nil {
		return nil, done, fmt.Errorf("fold %s/%d: %w", c.topics.Events(), partition, err)
	}
	var out []*PoolStatus
	for _, p := range state.Pools() {
		out = append(out, &PoolStatus{PoolFigures: p, Settings: state.Settings(p.Pool), AsOf: done.asOf})
	}
	return out, done, nil
}

// Configure replaces the settings of a pool, whole; nil means all defaults. The
// error is *Refused with BAD_DATA if they cannot be, and with UNKNOWN_FIELD while
// the log is at a fold version that has none.
func (c *Client) Configure(ctx context.Context, name events.Pool, settings *events.PoolSettings) error {
	m := &events.PoolConfigureRequested{Pool: string(orDefault(name)), Settings: settings}
	_, err := c.decide(ctx, orDefault(name), m, func(l events.Logged) bool {
		e, ok := l.Message.(*events.PoolConfigured)
		return ok && e.Pool == m.Pool && proto.Equal(e.Settings, settings)
	})
	return wrap(err, "configure pool %q", orDefault(name))
}
