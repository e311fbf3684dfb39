package bench

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator/store"
)

// IDsConfig of a measurement of identifiers.
type IDsConfig struct {
	Cluster *cluster.Cluster
	Prefix  string
	// Name is that of the space, and ends the prefix of the topics, which are deleted
	// again.
	Name string
	// Redis is the address, host:port, of a server; one is started in this process if
	// it is empty.
	Redis string
	// Callers ask at the same time, one grant at a time each.
	Callers int
	// Count is how many identifiers each grant has.
	Count int
	// Rounds of a plain WATCH loop, grants and the bare wire, one after the other. A
	// warm-up comes first.
	Rounds int
	// Duration of each measurement.
	Duration time.Duration
	// Sizes are numbers of live ranges at which grants are measured.
	Sizes  []int
	Logger *slog.Logger
	// Progress, if set, is told as measurements are done.
	Progress func(done int)
}

// IDsResult of a measurement. Figures are medians of the rounds.
type IDsResult struct {
	// Redis is its address, or "embedded".
	Redis   string  `json:"redis"`
	Count   int     `json:"count"`
	Seconds float64 `json:"seconds"`
	// Many is with all callers at once, Single with one.
	Many   Grants `json:"many"`
	Single Grants `json:"single"`
	// Granted are all ranges that were compared with each other, Overlaps those that
	// hold an identifier of another one.
	Granted  int       `json:"granted"`
	Overlaps int       `json:"overlaps"`
	Sizes    []IDsSize `json:"sizes"`
}

// Grants is what so many callers get, beside what the same number gets of a plain loop of
// WATCH, GET, MULTI, SET, EXEC on the same Redis, and beside the bare wire.
type Grants struct {
	Callers   int     `json:"callers"`
	PerSecond float64 `json:"per_second"`
	P50       float64 `json:"p50_ms"`
	P99       float64 `json:"p99_ms"`

	WatchPerSecond float64 `json:"watch_per_second"`
	WatchP50       float64 `json:"watch_p50_ms"`
	WatchP99       float64 `json:"watch_p99_ms"`
	// WatchRatio is how many times as fast grants are as that loop, WireRatio how fast
	// they are beside the bare wire.
	WatchRatio    float64 `json:"watch_ratio"`
	WirePerSecond float64 `json:"wire_per_second"`
	WireRatio     float64 `json:"wire_ratio"`
	// CPU and allocations of this process, for each grant: those of an embedded broker
	// and an embedded Redis, too.
	CPU            float64 `json:"cpu_us"`
	WatchCPU       float64 `json:"watch_cpu_us"`
	WireCPU        float64 `json:"wire_cpu_us"`
	Allocations    float64 `json:"allocations"`
	AllocatedBytes float64 `json:"allocated_bytes"`

	Rounds     []float64 `json:"rounds_per_second"`
	RoundWatch []float64 `json:"rounds_watch_per_second"`
	RoundWire  []float64 `json:"rounds_wire_per_second"`
}

// maxCallers bounds how many ask at the same time, and maxCount what a grant has.
const maxCallers, maxCount = 1024, 65_536

// Validate names the first field that cannot be used.
func (c IDsConfig) Validate() error {
	switch {
	case c.Callers < 1 || c.Callers > maxCallers:
		return fmt.Errorf("callers is %d; give 1 to %d", c.Callers, maxCallers)
	case c.Count < 1 || c.Count > maxCount:
		return fmt.Errorf("count is %d; give 1 to %d", c.Count, maxCount)
	case c.Rounds < 1:
		return fmt.Errorf("rounds is %d; give at least 1", c.Rounds)
	case c.Duration <= 0:
		return fmt.Errorf("duration is %v; give more than 0", c.Duration)
	}
	for _, n := range c.Sizes {
		if n < 1 {
			return fmt.Errorf("sizes contains %d; give at least 1 range each", n)
		}
	}
	if c.Redis == "" {
		return nil
	}
	return store.Config{Addrs: []string{c.Redis}}.Validate()
}

// measurementsPerRound: the plain loop, grants and the bare wire, with one caller and with
// many.
const measurementsPerRound = 6

// Work is how often Progress is called in all.
func (c IDsConfig) Work() int { return measurementsPerRound*(1+c.Rounds) + len(c.Sizes) }

// RunIDs measures identifiers. It runs an allocator of its own on topics of its own, which are
// gone when it returns. Ranges that overlap are an error.
func RunIDs(ctx context.Context, cfg IDsConfig) (out IDsResult, err error) {
	if err := cfg.Validate(); err != nil {
		return IDsResult{}, err
	}
	if cfg.Progress == nil {
		cfg.Progress = func(int) {}
	}
	s, err := startIDs(ctx, cfg)
	if err != nil {
		return IDsResult{}, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	r := &idsRun{cfg: cfg, system: s, watch: newWatchLoop(s.redis, s.topics.Prefix+cfg.Name, cfg)}
	defer func() { err = errors.Join(err, r.watch.close(ctx)) }()
	if err := r.onSpace(ctx, cfg.Name, r.rounds); err != nil {
		return IDsResult{}, err
	}
	out = r.result()
	for _, n := range cfg.Sizes {
		size, err := r.size(ctx, n)
		if err != nil {
			return IDsResult{}, fmt.Errorf("a space of %d live ranges: %w", n, err)
		}
		out.Sizes = append(out.Sizes, size)
		cfg.Progress(1)
	}
	out.Granted = r.granted
	return out, nil
}

// idsRun is a measurement of identifiers.
type idsRun struct {
	cfg          IDsConfig
	system       *idsSystem
	watch        *watchLoop
	wire         *idsWire
	many, single comparedGrants
	granted      int
}

// onSpace runs do with a fresh space, and deletes it with all that is held of it.
func (r *idsRun) onSpace(ctx context.Context, name string, do func(ctx context.Context, space string) error) (err error) {
	c := r.system.client
	rules := ids.Rules{Space: name, From: 1, To: 1<<53 - 1, MaxCount: maxCount}
	if err := c.Create(ctx, rules); err != nil {
		return err
	}
	defer func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
		defer cancel()
		err = errors.Join(err, c.Delete(ctx, name, true), r.system.store.Forget(ctx, name))
	}()
	return do(ctx, name)
}

func (r *idsRun) result() IDsResult {
	out := IDsResult{
		Redis: r.cfg.Redis, Count: r.cfg.Count, Seconds: r.cfg.Duration.Seconds(),
		Many: r.many.result(r.cfg.Callers), Single: r.single.result(1), Sizes: []IDsSize{},
	}
	if out.Redis == "" {
		out.Redis = "embedded"
	}
	return out
}
