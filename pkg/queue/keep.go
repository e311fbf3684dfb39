package queue

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
)

// Between two looks for queues that came or went, and before a queue that could not be
// opened is tried again.
const (
	keepEvery = time.Second
	// checkEvery is how often a broker is asked besides: the client knows topics for a
	// while, and without a queue nothing else shows that no broker answers.
	checkEvery = 5 * time.Second
)

// Keep hosts every queue under the prefix until ctx ends: those that exist, and those that
// come, each until its topic is gone. So leases end, snapshots are written and logs are
// truncated where only brief commands use a queue. A queue to which the right is taken away
// is kept on. It holds what each queue holds but the
// payloads: about 120 bytes an entry. What is in the way is logged, shows in the
// connection's Trouble, and is tried again.
func Keep(ctx context.Context, c *cluster.Cluster, o Options) {
	o.Brief = false
	k := keeping{cluster: c, options: o.withDefaults(), kept: map[string]context.CancelFunc{}, hosted: map[string]*hosted{}}
	defer k.running.Wait()
	defer k.measure()()
	try := c.Kafka().Board().New("look for queues that came or went")
	defer try.End()
	for more := true; more; {
		if err := k.look(ctx); err != nil && ctx.Err() == nil {
			more = try.Again(ctx, err, keepEvery)
			continue
		}
		try.Passed()
		more = trouble.Pause(ctx, keepEvery)
	}
}

// keeping is the state of Keep, for its goroutine alone but for hosted.
type keeping struct {
	cluster *cluster.Cluster
	options Options
	kept    map[string]context.CancelFunc // by name
	running sync.WaitGroup
	checked time.Time // when a broker was asked last

	mu     sync.Mutex
	hosted map[string]*hosted // those that are measured
}

// look begins to host the queues that came, and ends with those that went.
func (k *keeping) look(ctx context.Context) error {
	if time.Since(k.checked) >= checkEvery {
		if err := k.cluster.Check(ctx); err != nil {
			return err
		}
		k.checked = time.Now()
	}
	names, err := k.names(ctx)
	if err != nil {
		return err
	}
	for name := range names {
		if k.kept[name] != nil {
			continue
		}
		one, stop := context.WithCancel(ctx)
		k.kept[name] = stop
		k.running.Go(func() { k.keep(one, name) })
	}
	for _, name := range k.gone(ctx, names) {
		k.kept[name]()
		delete(k.kept, name)
	}
	return nil
}

// gone are the kept queues that are not among those that exist. A queue that brokers hide, for
// the right to it was taken away, is kept on: its host says what is missing.
func (k *keeping) gone(ctx context.Context, there map[string]bool) (names []string) {
	var topics []string
	for name := range k.kept {
		if !there[name] {
			names, topics = append(names, name), append(topics, k.options.topics().Queue(name))
		}
	}
	hidden := k.cluster.Kafka().Hidden(ctx, topics)
	return slices.DeleteFunc(names, func(name string) bool { return hidden[k.options.topics().Queue(name)] != nil })
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
	try := k.cluster.Kafka().Board().New(fmt.Sprintf("keep queue %s, whose leases do not end until then", name))
	defer try.End()
	for more := true; more; {
		err := k.host(ctx, name, try)
		// A queue without its first record is about to be made; of one that is deleted the
		// topic is about to go.
		if ctx.Err() != nil || err == nil || errors.Is(err, ErrUnknownQueue) || errors.Is(err, ErrDeleted) {
			try.Passed()
			more = trouble.Pause(ctx, keepEvery)
			continue
		}
		more = try.Again(ctx, err, keepEvery)
	}
}

// host is a host of the queue until it or ctx ends.
func (k *keeping) host(ctx context.Context, name string, try *trouble.Try) error {
	q, err := Open(ctx, k.cluster, name, k.options)
	if err != nil {
		return err
	}
	try.Passed()
	k.hosts(name, q)
	defer k.hosts(name, nil)
	select {
	case <-q.ended:
	case <-ctx.Done():
	}
	return q.Close()
}
