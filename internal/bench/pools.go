package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// Process is a scheduler in a process of its own. Both methods return once it is
// gone.
type Process interface {
	Terminate() error
	Kill() error
}

// PoolsConfig of a measurement of many pools on several schedulers. No other
// scheduler may be in the group.
type PoolsConfig struct {
	Brokers []string
	Prefix  string
	// Scheduler starts one under the name of an instance.
	Scheduler  func(instance string) (Process, error)
	Schedulers int
	// Name is what the names of the pools begin with; it must be fresh.
	Name events.Pool
	// Pools are the numbers of pools to measure the rate with.
	Pools []int
	// Tasks of each measurement, over all pools, and the bytes of each payload.
	Tasks, Size int
	// Slots of the one engine of each pool.
	Slots  int
	Logger *slog.Logger
}

// PoolsResult of a measurement.
type PoolsResult struct {
	Schedulers int         `json:"schedulers"`
	Tasks      int         `json:"tasks"`
	Size       int         `json:"size"`
	Rates      []PoolsRate `json:"rates"`
	// Rebalances are in the order in which they happened, without load.
	Rebalances []Rebalance `json:"rebalances"`
}

// PoolsRate is the rate with a number of pools.
type PoolsRate struct {
	Pools          int     `json:"pools"`
	TasksPerSecond float64 `json:"tasks_per_second"`
}

// Rebalance is how long it took until every partition was owned again, evenly.
type Rebalance struct {
	// Cause is "join", "sigterm" or "kill"; Schedulers are how many are left.
	Cause      string `json:"cause"`
	Schedulers int    `json:"schedulers"`
	// Claims of partitions that it took; the claim that ended it was seen after
	// so many milliseconds from the start of the process or the signal.
	Claims int     `json:"claims"`
	Millis float64 `json:"ms"`
}

// Validate names the first field that cannot be used.
func (c PoolsConfig) Validate() error {
	if c.Schedulers < 2 || c.Schedulers > int(events.PoolPartitions) {
		return fmt.Errorf("schedulers is %d; give 2 to %d", c.Schedulers, events.PoolPartitions)
	}
	for _, n := range c.Pools {
		if n < 1 || n > int(events.PoolPartitions) {
			return fmt.Errorf("pools is %d; give 1 to %d, for each gets a partition of its own", n, events.PoolPartitions)
		}
	}
	return Config{Tasks: c.Tasks, Rounds: 1, Size: c.Size, Engines: 1, Slots: c.Slots}.Validate()
}

// RunPools measures. The schedulers that it started are gone when it returns.
func RunPools(ctx context.Context, cfg PoolsConfig) (result PoolsResult, err error) {
	if err := cfg.Validate(); err != nil {
		return result, err
	}
	result = PoolsResult{Schedulers: cfg.Schedulers, Tasks: cfg.Tasks, Size: cfg.Size}
	f := &fleet{start: cfg.Scheduler, living: map[string]Process{}, owners: map[int32]string{}}
	defer func() { err = errors.Join(err, f.stop()) }()
	if result.Rebalances, err = f.rebalances(ctx, cfg); err != nil {
		return result, err
	}
	for _, n := range cfg.Pools {
		m := &measurement{cfg: Config{
			Start:  func(context.Context) ([]string, func(), error) { return cfg.Brokers, func() {}, nil },
			Prefix: cfg.Prefix, Size: cfg.Size, Engines: 1, Slots: cfg.Slots, Logger: cfg.Logger, Progress: func(int) {},
		}}
		var got figures
		err := m.on(ctx, spread(cfg.Name, n), func(ctx context.Context) (err error) {
			got, err = m.tasks(ctx, cfg.Tasks)
			return err
		})
		if err != nil {
			return result, fmt.Errorf("%d pools: %w", n, err)
		}
		result.Rates = append(result.Rates, PoolsRate{Pools: n, TasksPerSecond: float64(cfg.Tasks) / got.seconds})
	}
	return result, nil
}

// spread names n pools on partitions that lie as far apart as they can: owners
// get ranges of them.
func spread(name events.Pool, n int) []events.Pool {
	var wanted []int32
	for i := range n {
		wanted = append(wanted, int32(i)*events.PoolPartitions/int32(n))
	}
	pools := make([]events.Pool, n)
	for found, i := 0, 0; found < n; i++ {
		p := events.Pool(fmt.Sprintf("%s-%d-%d", name, n, i))
		if at := slices.Index(wanted, events.PoolPartition(p)); at >= 0 && pools[at] == "" {
			pools[at] = p
			found++
		}
	}
	return pools
}

// fleet is the schedulers that run, and who owns which partition.
type fleet struct {
	start   func(instance string) (Process, error)
	started int
	living  map[string]Process
	owners  map[int32]string
	claims  chan client.Event
	blind   chan error // why claims are not seen any more
}

// rebalances lets schedulers join until all are there; then one is told to stop
// and another joins, and one is killed and another joins.
func (f *fleet) rebalances(ctx context.Context, cfg PoolsConfig) (all []Rebalance, err error) {
	k := kafka.New(kafka.Config{Brokers: cfg.Brokers, ClientID: "spanway-bench"})
	defer k.Close()
	if _, err := k.Ensure(ctx, events.Specs(events.Topics{Prefix: cfg.Prefix}.Catalogue())); err != nil {
		return nil, err
	}
	stop, err := f.watch(ctx, cfg)
	if err != nil {
		return nil, err
	}
	defer stop()
	steps := slices.Repeat([]func(context.Context) (Rebalance, error){f.join}, cfg.Schedulers)
	for _, step := range append(steps, f.terminate, f.join, f.kill, f.join) {
		r, err := step(ctx)
		if err != nil {
			return all, fmt.Errorf("rebalance after %q with %d schedulers: %w", r.Cause, r.Schedulers, err)
		}
		all = append(all, r)
	}
	return all, nil
}

// watch follows the claims of all partitions.
func (f *fleet) watch(ctx context.Context, cfg PoolsConfig) (stop func(), err error) {
	c, err := client.New(client.Config{Brokers: cfg.Brokers, Prefix: cfg.Prefix, Source: "/spanway/bench"})
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	f.claims = make(chan client.Event, 1024)
	f.blind = make(chan error, 1)
	began, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		f.blind <- c.Watch(ctx, client.WatchConfig{Began: func() { close(began) }}, func(e client.Event) error {
			if e.Type == events.TypeLogClaimed {
				f.claims <- e
			}
			return nil
		})
	}()
	stop = func() {
		cancel()
		<-ended
		_ = c.Close(ctx) // It has sent nothing.
	}
	select {
	case <-began:
		return stop, nil
	case err := <-f.blind:
		cancel()
		return nil, errors.Join(err, c.Close(ctx), ctx.Err())
	}
}

func (f *fleet) join(ctx context.Context) (Rebalance, error) {
	began := time.Now()
	f.started++
	name := fmt.Sprintf("bench-%d", f.started)
	p, err := f.start(name)
	if err != nil {
		return Rebalance{Cause: "join", Schedulers: len(f.living)}, err
	}
	f.living[name] = p
	return f.settle(ctx, "join", began)
}

func (f *fleet) terminate(ctx context.Context) (Rebalance, error) {
	return f.leave(ctx, "sigterm", Process.Terminate)
}

func (f *fleet) kill(ctx context.Context) (Rebalance, error) {
	return f.leave(ctx, "kill", Process.Kill)
}

func (f *fleet) leave(ctx context.Context, cause string, end func(Process) error) (Rebalance, error) {
	name := f.owners[0]
	p, began := f.living[name], time.Now()
	delete(f.living, name)
	if err := end(p); err != nil {
		return Rebalance{Cause: cause, Schedulers: len(f.living)}, err
	}
	return f.settle(ctx, cause, began)
}

// settleWithin is more than any rebalance takes, a killed member's session
// included.
const settleWithin = 60 * time.Second

// settle waits until the living own all partitions, in equal parts.
func (f *fleet) settle(ctx context.Context, cause string, began time.Time) (Rebalance, error) {
	r := Rebalance{Cause: cause, Schedulers: len(f.living)}
	late := time.NewTimer(settleWithin)
	defer late.Stop()
	for !f.even() {
		select {
		case e := <-f.claims:
			r.Claims++
			f.owners[e.Partition] = e.Message.(*events.LogClaimed).Owner
			r.Millis = float64(time.Since(began).Microseconds()) / 1000
		case err := <-f.blind:
			return r, errors.Join(err, ctx.Err())
		case <-late.C:
			return r, fmt.Errorf("the partitions are not owned in equal parts by %d schedulers after %v: %v; stop other schedulers of this cluster and prefix",
				len(f.living), settleWithin, f.owners)
		case <-ctx.Done():
			return r, ctx.Err()
		}
	}
	return r, nil
}

// even tells whether the living own all partitions in parts that differ by one
// at most.
func (f *fleet) even() bool {
	if len(f.owners) < int(events.PoolPartitions) {
		return false
	}
	parts := map[string]int{}
	for _, owner := range f.owners {
		parts[owner]++
	}
	if len(parts) != len(f.living) {
		return false
	}
	least := int(events.PoolPartitions) / len(f.living)
	for owner, n := range parts {
		if f.living[owner] == nil || n < least || n > least+1 {
			return false
		}
	}
	return true
}

// stop ends all that are left.
func (f *fleet) stop() error {
	var all error
	for _, p := range f.living {
		all = errors.Join(all, p.Terminate())
	}
	return all
}
