package run

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/pkg/queue"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// eager has snapshots written, and logs truncated, at once.
var eager = logowner.Snapshots{Events: 1, Interval: 100 * time.Millisecond, History: time.Millisecond}

// starts remembers where partitions begin, and tells whether they begin later now.
type starts struct {
	c      *cluster.Cluster
	topics []string
	of     func(topic string) int32
	was    map[string]int64
}

func startsOf(ctx context.Context, c *cluster.Cluster, of func(topic string) int32, topics ...string) (*starts, error) {
	s := &starts{c, topics, of, map[string]int64{}}
	for _, topic := range topics {
		start, _, err := c.Offsets(ctx, topic, of(topic))
		if err != nil {
			return nil, err
		}
		s.was[topic] = start
	}
	return s, nil
}

// later waits until all begin later, and works meanwhile.
func (s *starts) later(ctx context.Context, work func() error) error {
	for _, topic := range s.topics {
		err := becomes(ctx, func() (bool, error) {
			if err := work(); err != nil {
				return false, err
			}
			start, _, err := s.c.Offsets(ctx, topic, s.of(topic))
			return start > s.was[topic], err
		})
		if err != nil {
			return fmt.Errorf("wait until %s is truncated: %w", topic, err)
		}
	}
	return nil
}

// longer waits until a partition ends later than it did.
func longer(ctx context.Context, c *cluster.Cluster, topic string, partition int32, was int64) error {
	err := becomes(ctx, func() (bool, error) {
		_, end, err := c.Offsets(ctx, topic, partition)
		return end > was, err
	})
	if err != nil {
		return fmt.Errorf("wait for a record in %s: %w", topic, err)
	}
	return nil
}

// becomes looks again and again until something has come true.
func becomes(ctx context.Context, look func() (bool, error)) error {
	again := time.NewTicker(20 * time.Millisecond)
	defer again.Stop()
	for {
		if done, err := look(); done || err != nil {
			return err
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// beside runs a service while do works; ready is waited for first.
func beside(ctx context.Context, run func(context.Context) error, ready <-chan struct{}, do func(context.Context) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	var running sync.WaitGroup
	defer running.Wait()
	defer cancel(nil)
	running.Go(func() {
		if err := run(ctx); err != nil {
			cancel(err)
		}
	})
	select {
	case <-ready:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := do(ctx); err != nil {
		return fmt.Errorf("%w (%w)", err, context.Cause(ctx))
	}
	return nil
}

// idsOf is a system of identifiers.
type idsOf struct {
	t      *testing.T
	topics events.Topics
	all    *cluster.Cluster
	redis  *embedded.Redis
	ask    *ids.Client // as a requester
}

const space = "rights"

func (g *guarded) rightsOfIdentifiers(t *testing.T) {
	rights := g.granted(t, []events.Role{events.RoleAllocator, events.RoleRequester})
	redis, err := embedded.StartRedis(0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(redis.Close)
	w := &idsOf{t: t, topics: events.Topics{Prefix: events.DefaultPrefix}, all: g.operator(t), redis: redis}
	w.ask = w.client(g.as(t, events.RoleRequester))
	g.create(t, events.RoleAllocator)
	g.eachTakenAway(t, events.RoleAllocator, rights[events.RoleAllocator], w.allocate)
	ended := make(chan error, 1)
	ctx, stop := context.WithCancel(t.Context())
	go func() { ended <- w.allocator(ctx, g.as(t, events.RoleAllocator), slog.New(slog.DiscardHandler), nil) }()
	g.eachTakenAway(t, events.RoleRequester, rights[events.RoleRequester], func(ctx context.Context, c *cluster.Cluster, _ *slog.Logger) error {
		return w.grant(ctx, w.client(c))
	})
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func (w *idsOf) client(c *cluster.Cluster) *ids.Client {
	made, err := ids.New(ids.Config{Cluster: c})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(made.Close)
	return made
}

func (w *idsOf) grant(ctx context.Context, c *ids.Client) error {
	if err := c.Declare(ctx, ids.Rules{Space: space, From: 1, To: 1_000_000}); err != nil {
		return err
	}
	g, err := c.Grant(ctx, ids.Want{Space: space, Owner: "me"})
	if err != nil {
		return err
	}
	return c.Release(ctx, g)
}

// allocator runs one, and do while it runs.
func (w *idsOf) allocator(ctx context.Context, c *cluster.Cluster, log *slog.Logger, do func(context.Context) error) error {
	of, err := store.Open(store.Config{Addrs: []string{w.redis.Addr()}})
	if err != nil {
		return err
	}
	defer func() { _ = of.Close() }()
	config := allocator.DefaultConfig()
	config.Logs = eager
	a, err := allocator.New(config, allocator.Deps{Cluster: c, Store: of, Logger: log})
	if err != nil {
		return err
	}
	if do == nil {
		return a.Run(ctx)
	}
	return beside(ctx, a.Run, a.Ready(), do)
}

// allocate runs an allocator until it has granted, truncated what it truncates, and a
// record that asks for nothing is a dead letter.
func (w *idsOf) allocate(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
	return w.allocator(ctx, c, log, func(ctx context.Context) error {
		_, letters, err := w.all.Offsets(ctx, w.topics.DeadLetters(), 0)
		if err != nil {
			return err
		}
		if _, err := w.all.Partition(w.topics.IDRequests(), 0).Append(ctx, []events.Record{{Value: []byte("no request")}}); err != nil {
			return err
		}
		log := w.topics.IDEvents()
		s, err := startsOf(ctx, w.all, func(topic string) int32 {
			if topic == w.topics.IDRequests() {
				return 0
			}
			return events.SpacePartition(space)
		}, log, events.Snapshots(log), w.topics.IDRequests())
		if err == nil {
			err = s.later(ctx, func() error { return w.grant(ctx, w.ask) })
		}
		if err == nil {
			err = longer(ctx, w.all, w.topics.DeadLetters(), 0, letters)
		}
		return err
	})
}

// rightsOfQueues: one program keeps a queue, another one uses it.
func (g *guarded) rightsOfQueues(t *testing.T) {
	topics, all := events.Topics{Prefix: events.DefaultPrefix}, g.operator(t)
	rights := g.granted(t, []events.Role{events.RoleQueueHost, events.RoleQueueUser}, "--queue", "orders")
	g.create(t, events.RoleQueueHost)
	use := func(ctx context.Context, q *queue.Queue) error {
		e, err := q.Enqueue(ctx, queue.Item{Payload: []byte("one")})
		if err == nil {
			err = q.Remove(ctx, e.ID, "")
		}
		return err
	}
	g.eachTakenAway(t, events.RoleQueueHost, rights[events.RoleQueueHost], func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		if err := queue.Create(ctx, c, "orders", queue.Rules{}, queue.Options{Logger: log}); err != nil {
			return err
		}
		s, err := startsOf(ctx, all, func(string) int32 { return 0 }, topics.Queue("orders"), events.Snapshots(topics.Queue("orders")))
		if err != nil {
			return err
		}
		q, err := queue.Open(ctx, c, "orders", queue.Options{Snapshots: eager, Logger: log})
		if err != nil {
			return err
		}
		err = s.later(ctx, func() error { return use(ctx, q) })
		if ended := q.Close(); err == nil || ended != nil {
			err = ended
		}
		return err
	})
	g.eachTakenAway(t, events.RoleQueueUser, rights[events.RoleQueueUser], func(ctx context.Context, c *cluster.Cluster, log *slog.Logger) error {
		q, err := queue.Open(ctx, c, "orders", queue.Options{Brief: true, Logger: log})
		if err != nil {
			return err
		}
		err = use(ctx, q)
		if ended := q.Close(); err == nil || ended != nil {
			err = ended
		}
		return err
	})
}
