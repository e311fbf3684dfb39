package run

import (
	"context"
	"errors"
	"fmt"
	"syscall"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

func (x *site) startRedis() (stop func(), err error) {
	x.redis, err = embedded.StartRedis(x.port)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("start Redis%s: port %d of 127.0.0.1 is in use; choose another with --redis-port, or 0 for a free one: %w", x.of, x.port, err)
	}
	if err != nil {
		return nil, fmt.Errorf("start Redis%s: %w", x.of, err)
	}
	return x.redis.Close, nil
}

func (x *site) newAllocator() (service, error) {
	conf := allocator.DefaultConfig()
	conf.Prefix, conf.Site, conf.JSON, conf.Logs = x.cfg.Prefix, x.name, x.cfg.JSON, x.cfg.Logs.Snapshots()
	meter, err := x.meter()
	if err != nil {
		return nil, err
	}
	store.LogTo(x.log)
	ids, err := store.Open(store.Config{Addrs: []string{x.redis.Addr()}, Prefix: x.cfg.Prefix, Meter: meter})
	if err != nil {
		return nil, err
	}
	a, err := allocator.New(conf, allocator.Deps{Cluster: x.cluster, Store: ids, Logger: x.log, Meter: meter})
	if err != nil {
		_ = ids.Close()
		return nil, err
	}
	return withStore{a, ids}, nil
}

// withStore is an allocator that closes its store at its end.
type withStore struct {
	*allocator.Service
	store *store.Redis
}

func (w withStore) Run(ctx context.Context) error {
	defer func() { _ = w.store.Close() }()
	return w.Service.Run(ctx)
}
