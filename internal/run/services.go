package run

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel"

	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
	"github.com/spanway/spanway/services/replicator"
	"github.com/spanway/spanway/services/scheduler"
)

// Scheduler runs a scheduler on the cluster of deps until ctx ends, and then leaves
// its group.
func Scheduler(ctx context.Context, cfg scheduler.Config, deps scheduler.Deps, tel *telemetry.Telemetry) error {
	deps.Meter = otel.Meter(meterScope)
	s, err := scheduler.New(cfg, deps)
	if err != nil {
		return err
	}
	return watched(ctx, "scheduler", s, tel)
}

// watched runs a service until ctx ends, while telemetry tells whether it is ready, and what is in
// its way.
func watched(ctx context.Context, name string, x interface {
	service
	Trouble() error
}, tel *telemetry.Telemetry) error {
	tel.Ready(name, x.Ready())
	tel.Watch(name, x.Trouble)
	if err := x.Run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil // Also if it was told to stop before it could begin.
}

// Queues keeps every queue on a cluster until ctx ends. It is ready at once: what a queue
// holds is the queue's with or without it. What is in the way shows in /readyz. Its error says
// that the brokers refuse the connection.
func Queues(ctx context.Context, c *cluster.Cluster, o queue.Options, tel *telemetry.Telemetry) error {
	o.Meter = otel.Meter(meterScope)
	ready := make(chan struct{})
	close(ready)
	tel.Ready("queues", ready)
	tel.Watch("queues", c.Trouble)
	if err := c.Kafka().Board().Until(ctx, "begin to keep queues", func() error { return c.Check(ctx) }); err != nil && ctx.Err() == nil {
		return fmt.Errorf("keep queues: %w", err)
	}
	queue.Keep(ctx, c, o)
	return nil
}

// Allocator runs an allocator on the cluster of deps, with a store in Redis, until ctx
// ends, and then leaves its group.
func Allocator(ctx context.Context, cfg allocator.Config, redis store.Config, deps allocator.Deps, tel *telemetry.Telemetry) error {
	deps.Meter, redis.Meter = otel.Meter(meterScope), otel.Meter(meterScope)
	redis.Prefix = cfg.Prefix
	store.LogTo(deps.Logger)
	ids, err := store.Open(redis)
	if err != nil {
		return err
	}
	defer func() { _ = ids.Close() }()
	var checking sync.WaitGroup
	defer checking.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	deps.Store = ids
	checking.Go(func() { check(ctx, ids, min(cfg.Reconcile, checkEvery), deps) })
	a, err := allocator.New(cfg, deps)
	if err != nil {
		return err
	}
	return watched(ctx, "allocator", a, tel)
}

// Replicator runs a replicator on the clusters of deps until ctx ends, and then leaves its
// group.
func Replicator(ctx context.Context, cfg replicator.Config, deps replicator.Deps, tel *telemetry.Telemetry) error {
	deps.Meter = otel.Meter(meterScope)
	r, err := replicator.New(cfg, deps)
	if err != nil {
		return err
	}
	return watched(ctx, "replicator", r, tel)
}

const (
	// checkEvery is how often Redis is looked at, at least: readiness is to follow it soon.
	checkEvery = 5 * time.Second
	// checkAgain is how often, more or less, while that fails.
	checkAgain = time.Second
)

// untilChecked is when Redis is looked at again, after err.
func untilChecked(err error, every time.Duration) time.Duration {
	if err == nil {
		return every
	}
	return min(every, checkAgain*3/4+rand.N(checkAgain/2))
}

// check looks at Redis again and again: whether it can be reached, which readiness tells,
// and whether its settings are safe, of which it warns when that has changed.
func check(ctx context.Context, ids *store.Redis, every time.Duration, deps allocator.Deps) {
	try := deps.Cluster.Kafka().Board().New("check Redis")
	defer try.End()
	var known []string
	for {
		warnings, err := ids.Check(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			try.Failed(err)
		default:
			try.Passed()
			if !slices.Equal(warnings, known) {
				for _, w := range warnings {
					deps.Logger.Warn("Redis may forget what it holds, and allocators then propose again what is refused", "because", w)
				}
				known = warnings
			}
		}
		if !trouble.Pause(ctx, untilChecked(err, every)) {
			return
		}
	}
}
