package queue

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
)

// Between two looks for queues that came or went, and before a queue that could not be
// opened is tried again.
const keepEvery = time.Second

// Keep hosts every queue under the prefix until ctx ends: those that exist, and those that
// come, each until its topic is gone. So leases end, snapshots are written and logs are
// truncated where only brief commands use a queue. It holds what each queue holds but the
// payloads: about 120 bytes an entry. What cannot be opened is logged and tried again.
func Keep(ctx context.Context, c *cluster.Cluster, o Options) {
	o.Brief = false
	o = o.withDefaults()
	if o.Logger == nil {
		o.Logger = slog.Default()
	}
	k := keeping{cluster: c, options: o, kept: map[string]context.CancelFunc{}}
	defer k.running.Wait()
	next := time.NewTicker(keepEvery)
	defer next.Stop()
	for {
		k.look(ctx)
		select {
		case <-next.C:
		case <-ctx.Done():
			return
		}
	}
}

// keeping is the state of Keep, for its goroutine alone.
type keeping struct {
	cluster *cluster.Cluster
	options Options
	kept    map[string]context.CancelFunc // by name
	running sync.WaitGroup
}

// look begins to host the queues that came, and ends with those that went.
func (k *keeping) look(ctx context.Context) {
	names, err := k.names(ctx)
	if err != nil {
		if ctx.Err() == nil {
			k.options.Logger.Warn("cannot look for queues that came or went; those that are kept are kept on", "error", err)
		}
		return
	}
	for name := range names {
		if k.kept[name] != nil {
			continue
		}
		one, stop := context.WithCancel(ctx)
		k.kept[name] = stop
		k.running.Go(func() { k.keep(one, name) })
	}
	for name, stop := range k.kept {
		if !names[name] {
			stop()
			delete(k.kept, name)
		}
	}
}

// names are those of the queues whose topics exist.
func (k *keeping) names(ctx context.Context) (map[string]bool, error) {
	topics, err := k.cluster.Kafka().Topics(ctx, k.options.Prefix)
	names := map[string]bool{}
	for _, t := range topics {
		if name, ok := k.options.topics().QueueOf(t.Name); ok {
			names[name] = true
		}
	}
	return names, err
}

// keep hosts one queue until ctx ends.
func (k *keeping) keep(ctx context.Context, name string) {
	for ctx.Err() == nil {
		err := k.host(ctx, name)
		// A queue without its first record is about to be made; of one that is deleted the
		// topic is about to go.
		if ctx.Err() == nil && !errors.Is(err, ErrUnknownQueue) && !errors.Is(err, ErrDeleted) {
			k.options.Logger.Warn("a queue is not kept: its leases do not end until it is; it is opened again", "queue", name, "error", err)
		}
		again := time.NewTimer(keepEvery)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
		}
	}
}

// host is a host of the queue until it or ctx ends.
func (k *keeping) host(ctx context.Context, name string) error {
	q, err := Open(ctx, k.cluster, name, k.options)
	if err != nil {
		return err
	}
	select {
	case <-q.ended:
	case <-ctx.Done():
	}
	return q.Close()
}
