package bench

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// idsSystem is an allocator with its store and a client, on topics of its own: no other
// allocator of the cluster takes its requests.
type idsSystem struct {
	cfg    IDsConfig
	topics events.Topics
	redis  string // its address
	store  *store.Redis
	client *ids.Client
	close  []func() error // in their order
}

// startIDs starts one, and returns when it is ready.
func startIDs(ctx context.Context, cfg IDsConfig) (s *idsSystem, err error) {
	s = &idsSystem{cfg: cfg, redis: cfg.Redis, topics: events.Topics{Prefix: cfg.Prefix + cfg.Name + "."}}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.stop())
		}
	}()
	if s.redis == "" {
		server, err := embedded.StartRedis(0)
		if err != nil {
			return s, fmt.Errorf("start Redis: %w", err)
		}
		s.redis = server.Addr()
		s.onStop(func() error { server.Close(); return nil })
	}
	s.store, err = store.Open(store.Config{Addrs: []string{s.redis}, Prefix: s.topics.Prefix})
	if err != nil {
		return s, err
	}
	s.onStop(s.store.Close)
	s.onStop(func() error { return s.deleteTopics(ctx) })
	if err := s.run(ctx); err != nil {
		return s, err
	}
	s.client, err = ids.New(ids.Config{Cluster: cfg.Cluster, Prefix: s.topics.Prefix, Source: "/spanway/bench"})
	if err != nil {
		return s, err
	}
	s.onStop(func() error { s.client.Close(); return nil })
	return s, nil
}

// run runs the allocator until the system is stopped.
func (s *idsSystem) run(ctx context.Context) error {
	conf := allocator.DefaultConfig()
	conf.Prefix, conf.Site = s.topics.Prefix, "bench"
	a, err := allocator.New(conf, allocator.Deps{Cluster: s.cfg.Cluster, Store: s.store, Logger: s.cfg.Logger})
	if err != nil {
		return err
	}
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(running) }()
	s.onStop(func() error {
		stop()
		return <-ended
	})
	select {
	case <-a.Ready():
		return nil
	case err := <-ended:
		ended <- nil
		return errors.Join(errors.New("the allocator ended before it was ready"), err)
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (s *idsSystem) onStop(f func() error) { s.close = append([]func() error{f}, s.close...) }

// stop ends all that was started, the last first.
func (s *idsSystem) stop() (err error) {
	for _, f := range s.close {
		err = errors.Join(err, f())
	}
	return err
}

func (s *idsSystem) deleteTopics(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	var topics []string
	for _, log := range s.topics.UsedBy(events.RoleAllocator) {
		topics = append(topics, log.Topic)
	}
	return s.cfg.Cluster.Kafka().DeleteTopics(ctx, topics)
}
