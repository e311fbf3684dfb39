package bench

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
)

// Config of a measurement.
type Config struct {
	Brokers []string
	Prefix  string
	// Pool is where it runs; it must be fresh.
	Pool events.Pool
	// Tasks to run, and the bytes of each one's payload, at least 8.
	Tasks, Size int
	// Engines to embed, and the tasks that each runs at once.
	Engines, Slots int
	// Rate in tasks a second and Duration of the second phase.
	Rate     int
	Duration time.Duration
	Logger   *slog.Logger
	// Progress, if set, is told as tasks are done; from any goroutine.
	Progress func()
}

// Result of a measurement.
type Result struct {
	Tasks          int     `json:"tasks"`
	Size           int     `json:"size"`
	Engines        int     `json:"engines"`
	Seconds        float64 `json:"seconds"`
	TasksPerSecond float64 `json:"tasks_per_second"`
	// Rate and count of the latency phase.
	Rate         int     `json:"latency_tasks_per_second"`
	LatencyTasks int     `json:"latency_tasks"`
	StartP50     float64 `json:"submit_to_start_p50_ms"`
	StartP99     float64 `json:"submit_to_start_p99_ms"`
}

const kind = "bench"

// Validate names the first field that cannot be used.
func (c Config) Validate() error {
	switch {
	case c.Tasks < 1:
		return fmt.Errorf("tasks is %d; give at least 1", c.Tasks)
	case c.Size < 8 || c.Size > events.MaxPayloadBytes:
		return fmt.Errorf("size is %d; give 8 to %d bytes", c.Size, events.MaxPayloadBytes)
	case c.Engines < 1 || c.Slots < 1:
		return fmt.Errorf("%d engines with %d slots; give at least one of each", c.Engines, c.Slots)
	}
	return nil
}

// measurement is one run under way.
type measurement struct {
	cfg    Config
	client *client.Client

	entered atomic.Int64
	failed  chan error

	// waits are the times from submit to start, while measured is set.
	measured atomic.Bool
	mu       sync.Mutex
	waits    []time.Duration
}

// Run measures. Everything that it started has ended when it returns.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if err := cfg.Validate(); err != nil {
		return Result{}, err
	}
	c, err := client.New(client.Config{Brokers: cfg.Brokers, Prefix: cfg.Prefix, Source: "/spanway/bench"})
	if err != nil {
		return Result{}, err
	}
	r := &measurement{cfg: cfg, client: c, failed: make(chan error, 1)}
	engines, stop, err := r.engines(ctx)
	if err != nil {
		return Result{}, errors.Join(err, c.Close(ctx))
	}
	result, err := r.measure(ctx)
	stop()
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return result, errors.Join(err, engines.Wait(), c.Close(closing))
}

// engines starts the engines and waits until they are registered.
func (r *measurement) engines(ctx context.Context) (*errgroup.Group, func(), error) {
	ctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	var group errgroup.Group
	for i := range r.cfg.Engines {
		e, err := engine.New(engine.Config{
			Brokers: r.cfg.Brokers, Prefix: r.cfg.Prefix, Pool: string(r.cfg.Pool),
			ID: fmt.Sprintf("%s-%d", r.cfg.Pool, i+1), Logger: r.cfg.Logger,
			Allocatable: map[string]int64{"slots": int64(r.cfg.Slots)},
		})
		if err != nil {
			stop()
			return nil, nil, errors.Join(err, group.Wait())
		}
		e.Handle(kind, r.handle)
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

func (r *measurement) handle(_ context.Context, t *engine.Task) ([]byte, error) {
	if r.measured.Load() {
		wait := time.Since(time.Unix(0, int64(binary.BigEndian.Uint64(t.Payload))))
		r.mu.Lock()
		r.waits = append(r.waits, wait)
		r.mu.Unlock()
	}
	r.entered.Add(1)
	if r.cfg.Progress != nil {
		r.cfg.Progress()
	}
	return nil, nil
}

func (r *measurement) measure(ctx context.Context) (Result, error) {
	result := Result{Tasks: r.cfg.Tasks, Size: r.cfg.Size, Engines: r.cfg.Engines, Rate: r.cfg.Rate}
	began := time.Now()
	for range r.cfg.Tasks {
		r.submit(ctx)
	}
	last, err := r.ended(ctx, r.cfg.Tasks)
	if err != nil {
		return result, err
	}
	took := last.Sub(began)
	result.Seconds, result.TasksPerSecond = took.Seconds(), float64(r.cfg.Tasks)/took.Seconds()

	r.measured.Store(true)
	n, err := r.steady(ctx)
	if err != nil {
		return result, err
	}
	if _, err := r.ended(ctx, r.cfg.Tasks+n); err != nil {
		return result, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	slices.Sort(r.waits)
	result.LatencyTasks = len(r.waits)
	result.StartP50, result.StartP99 = quantile(r.waits, 0.50), quantile(r.waits, 0.99)
	return result, nil
}

// submit queues one task that carries the time.
func (r *measurement) submit(ctx context.Context) {
	payload := make([]byte, r.cfg.Size)
	binary.BigEndian.PutUint64(payload, uint64(time.Now().UnixNano()))
	r.client.SubmitAsync(ctx, client.Task{Pool: r.cfg.Pool, Kind: kind, Payload: payload}, func(_ events.TaskID, err error) {
		if err != nil {
			select {
			case r.failed <- err:
			default:
			}
		}
	})
}

// steady submits at the rate for the duration.
func (r *measurement) steady(ctx context.Context) (n int, err error) {
	if r.cfg.Rate <= 0 {
		return 0, nil
	}
	tick := time.NewTicker(time.Second / time.Duration(r.cfg.Rate))
	defer tick.Stop()
	for total := int(r.cfg.Duration.Seconds() * float64(r.cfg.Rate)); n < total; n++ {
		select {
		case <-tick.C:
			r.submit(ctx)
		case err := <-r.failed:
			return n, err
		case <-ctx.Done():
			return n, ctx.Err()
		}
	}
	return n, nil
}

var errAll = errors.New("all tasks have ended")

// ended waits until n tasks have succeeded and returns the time of the last
// result. It looks at the log only when all handlers were entered, so as not to
// take time from what it measures.
func (r *measurement) ended(ctx context.Context, n int) (last time.Time, err error) {
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for r.entered.Load() < int64(n) {
		select {
		case <-tick.C:
		case err := <-r.failed:
			return last, err
		case <-ctx.Done():
			return last, ctx.Err()
		}
	}
	succeeded := 0
	err = r.client.Watch(ctx, client.WatchConfig{Pool: r.cfg.Pool, FromStart: true}, func(e client.Event) error {
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

// quantile of sorted durations, in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := min(int(q*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[i].Microseconds()) / 1000
}
