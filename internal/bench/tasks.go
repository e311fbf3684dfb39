package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

const kind = "bench"

// measurement runs tasks through a system, one after the other of which are up
// while it lasts.
type measurement struct {
	cfg     Config
	brokers []string
	pools   []events.Pool // which get tasks in turns
	client  *client.Client
	sent    int // tasks so far
	ran     int // of them ended

	entered atomic.Int64
	failed  chan error

	// waits are the times from submit to start, while measured is set.
	measured atomic.Bool
	mu       sync.Mutex
	waits    []time.Duration
}

// on runs do with a system up and engines registered in fresh pools.
func (m *measurement) on(ctx context.Context, pools []events.Pool, do func(context.Context) error) error {
	brokers, stop, err := m.cfg.Start(ctx)
	if err != nil {
		return err
	}
	defer stop()
	c, err := client.New(client.Config{Brokers: brokers, Prefix: m.cfg.Prefix, Source: "/spanway/bench"})
	if err != nil {
		return err
	}
	m.brokers, m.client, m.sent, m.ran = brokers, c, 0, 0
	m.failed = make(chan error, 1)
	m.pools = pools
	m.entered.Store(0)
	engines, stopEngines, err := m.engines(ctx)
	if err == nil {
		err = do(ctx)
		stopEngines()
		err = errors.Join(err, engines.Wait())
	}
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return errors.Join(err, c.Close(closing))
}

// engineID names an engine of a pool.
func engineID(p events.Pool, i int) string { return fmt.Sprintf("%s-%d", p, i+1) }

// engines starts the engines of each pool and waits until they are registered.
func (m *measurement) engines(ctx context.Context) (*errgroup.Group, func(), error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group errgroup.Group
	for i := range m.cfg.Engines * len(m.pools) {
		pool := m.pools[i%len(m.pools)]
		e, err := engine.New(engine.Config{
			Brokers: m.brokers, Prefix: m.cfg.Prefix, Pool: string(pool),
			ID: engineID(pool, i/len(m.pools)), Logger: m.cfg.Logger,
			Allocatable: map[string]int64{"slots": int64(m.cfg.Slots)},
		})
		if err != nil {
			stop()
			return nil, nil, errors.Join(err, group.Wait())
		}
		e.Handle(kind, m.handle)
		group.Go(func() error { return e.Run(ctx) })
		select {
		case <-e.Ready():
		case <-time.After(30 * time.Second):
			stop()
			return nil, nil, errors.Join(errors.New("no scheduler registered the engine within 30s; start one"), group.Wait())
		}
	}
	return &group, stop, nil
}

func (m *measurement) handle(_ context.Context, t *engine.Task) ([]byte, error) {
	if m.measured.Load() {
		wait := time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(t.Payload))))
		m.mu.Lock()
		m.waits = append(m.waits, wait)
		m.mu.Unlock()
	}
	m.entered.Add(1)
	return nil, nil
}

// tasks runs n tasks, as fast as they go.
func (m *measurement) tasks(ctx context.Context, n int) (figures, error) {
	before := settled()
	began := time.Now()
	for range n {
		m.submit(ctx)
	}
	if err := m.allEntered(ctx); err != nil {
		return figures{}, err
	}
	used := measure().since(before)
	last, err := m.ended(ctx)
	return figures{last.Sub(began).Seconds(), used}, err
}

// latency measures the time to start at a steady rate.
func (m *measurement) latency(ctx context.Context) ([]time.Duration, error) {
	if m.cfg.Rate <= 0 {
		return nil, nil
	}
	m.measured.Store(true)
	err := m.steady(ctx)
	if err == nil {
		err = m.allEntered(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.waits, err
}

// submit queues one task that carries the time.
func (m *measurement) submit(ctx context.Context) {
	payload := make([]byte, m.cfg.Size)
	binary.BigEndian.PutUint64(payload, uint64(time.Now().UnixNano()))
	pool := m.pools[m.sent%len(m.pools)]
	m.sent++
	m.client.SubmitAsync(ctx, client.Task{Pool: pool, Kind: kind, Payload: payload}, func(_ events.TaskID, err error) {
		if err != nil {
			select {
			case m.failed <- err:
			default:
			}
		}
	})
}

// steady submits at the rate for the duration.
func (m *measurement) steady(ctx context.Context) error {
	tick := time.NewTicker(time.Second / time.Duration(m.cfg.Rate))
	defer tick.Stop()
	for range int(m.cfg.Duration.Seconds() * float64(m.cfg.Rate)) {
		select {
		case <-tick.C:
			m.submit(ctx)
		case err := <-m.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// allEntered waits until the handlers of all tasks were entered. It does not
// look at the log, so as not to take time from what it measures.
func (m *measurement) allEntered(ctx context.Context) error {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for told := int64(m.ran); ; {
		entered := m.entered.Load()
		m.cfg.Progress(int(entered - told))
		if told = entered; told >= int64(m.sent) {
			m.ran = m.sent
			return nil
		}
		select {
		case <-tick.C:
		case err := <-m.failed:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

var errAll = errors.New("all tasks have ended")

// ended waits until all tasks have succeeded and returns the time of the last
// result.
func (m *measurement) ended(ctx context.Context) (last time.Time, err error) {
	for i, pool := range m.pools {
		all := (m.sent + len(m.pools) - 1 - i) / len(m.pools)
		at, err := m.endedIn(ctx, pool, all)
		if err != nil {
			return last, err
		}
		if at.After(last) {
			last = at
		}
	}
	return last, nil
}

// endedIn waits until n tasks of a pool have succeeded.
func (m *measurement) endedIn(ctx context.Context, pool events.Pool, n int) (last time.Time, err error) {
	succeeded := 0
	if n == 0 {
		return last, nil
	}
	err = m.client.Watch(ctx, client.WatchConfig{Pool: pool, FromStart: true}, func(e client.Event) error {
		result, ok := client.ResultOf(e)
		if !ok {
			return nil
		}
		if err := result.Err(); err != nil {
			return err
		}
		last = time.UnixMilli(max(last.UnixMilli(), result.AtMs))
		if succeeded++; succeeded == n {
			return errAll
		}
		return nil
	})
	if errors.Is(err, errAll) {
		return last, nil
	}
	return last, errors.Join(err, ctx.Err())
}
