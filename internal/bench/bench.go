package bench

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Config of a measurement.
type Config struct {
	// Start brings up what a round runs on, a fresh system or one that is there,
	// and says how to take it down again.
	Start  func(ctx context.Context) (brokers []string, stop func(), err error)
	Prefix string
	// Pool is where it runs, a fresh one with a number behind it in each round.
	Pool events.Pool
	// Rounds of bare wire and tasks, one after the other. A warm-up comes first.
	Rounds int
	// Tasks to run in a round, and the bytes of each one's payload, at least 8.
	Tasks, Size int
	// Engines to embed, and the tasks that each runs at once.
	Engines, Slots int
	// Rate in tasks a second and Duration of the phase after the last round.
	Rate     int
	Duration time.Duration
	Logger   *slog.Logger
	// Progress, if set, is told as tasks and their like on the wire are done.
	Progress func(done int)
}

// Result of a measurement. Figures are medians of the rounds.
type Result struct {
	Tasks          int     `json:"tasks"`
	Size           int     `json:"size"`
	Engines        int     `json:"engines"`
	Seconds        float64 `json:"seconds"`
	TasksPerSecond float64 `json:"tasks_per_second"`
	// Of the bare wire: the same records, without anything that decides.
	WireRecordsPerSecond float64 `json:"wire_records_per_second"`
	WireTasksPerSecond   float64 `json:"wire_tasks_per_second"`
	// Ratio of the tasks to the wire of the same round.
	Ratio float64 `json:"ratio"`
	// CPU and allocations of this process: all parts of an embedded system.
	CPU            float64 `json:"cpu_us_per_task"`
	WireCPU        float64 `json:"wire_cpu_us_per_task"`
	Allocations    float64 `json:"allocations_per_task"`
	AllocatedBytes float64 `json:"allocated_bytes_per_task"`

	RoundTasks []float64 `json:"rounds_tasks_per_second"`
	RoundWire  []float64 `json:"rounds_wire_tasks_per_second"`
	RoundRatio []float64 `json:"rounds_ratio"`
	RoundCPU   []float64 `json:"rounds_cpu_us_per_task"`

	// Rate and count of the latency phase.
	Rate         int     `json:"latency_tasks_per_second"`
	LatencyTasks int     `json:"latency_tasks"`
	StartP50     float64 `json:"submit_to_start_p50_ms"`
	StartP99     float64 `json:"submit_to_start_p99_ms"`
}

// warmUp is how many tasks run before the first round, and as many on the wire:
// what they leave in the logs is what the bare wire carries.
const warmUp = 50_000

// Validate names the first field that cannot be used.
func (c Config) Validate() error {
	switch {
	case c.Tasks < 1:
		return fmt.Errorf("tasks is %d; give at least 1", c.Tasks)
	case c.Rounds < 1:
		return fmt.Errorf("rounds is %d; give at least 1", c.Rounds)
	case c.Size < 8 || c.Size > events.MaxPayloadBytes:
		return fmt.Errorf("size is %d; give 8 to %d bytes", c.Size, events.MaxPayloadBytes)
	case c.Engines < 1 || c.Slots < 1:
		return fmt.Errorf("%d engines with %d slots; give at least one of each", c.Engines, c.Slots)
	}
	return nil
}

// Work is how often Progress is called in all.
func (c Config) Work() int {
	return 2*min(c.Tasks, warmUp) + c.Rounds*2*c.Tasks + int(c.Duration.Seconds())*c.Rate
}

// figures of one run of the tasks or the wire.
type figures struct {
	seconds float64
	usage   usage
}

// rounds collects what each round gave.
type rounds struct {
	cfg         Config
	tasks, wire []figures
}

// Run measures. Everything that it started has ended when it returns.
func Run(ctx context.Context, cfg Config) (Result, error) {
	if err := cfg.Validate(); err != nil {
		return Result{}, err
	}
	if cfg.Progress == nil {
		cfg.Progress = func(int) {}
	}
	m := &measurement{cfg: cfg}
	var sample *sample
	warm := min(cfg.Tasks, warmUp)
	err := m.on(ctx, []events.Pool{cfg.Pool + "-warm"}, func(ctx context.Context) (err error) {
		if _, err = m.tasks(ctx, warm); err != nil {
			return err
		}
		if sample, err = takeSample(ctx, m); err == nil {
			_, err = runWire(ctx, m, sample, warm)
		}
		return err
	})
	if err != nil {
		return Result{}, err
	}
	r := rounds{cfg: cfg}
	var waits []time.Duration
	for i := range cfg.Rounds {
		pool := events.Pool(fmt.Sprintf("%s-%d", cfg.Pool, i+1))
		err := m.on(ctx, []events.Pool{pool}, func(ctx context.Context) (err error) {
			if err = r.one(ctx, m, sample); err == nil && i == cfg.Rounds-1 {
				waits, err = m.latency(ctx)
			}
			return err
		})
		if err != nil {
			return Result{}, fmt.Errorf("round %d of %d: %w", i+1, cfg.Rounds, err)
		}
	}
	return r.result(waits), nil
}

// one runs the wire, then the tasks.
func (r *rounds) one(ctx context.Context, m *measurement, s *sample) error {
	wire, err := runWire(ctx, m, s, r.cfg.Tasks)
	if err != nil {
		return fmt.Errorf("bare wire: %w", err)
	}
	tasks, err := m.tasks(ctx, r.cfg.Tasks)
	if err != nil {
		return err
	}
	if s.shape, err = shapeOf(ctx, m, s.shape); err != nil { // That of the next wire.
		return err
	}
	r.wire, r.tasks = append(r.wire, wire), append(r.tasks, tasks)
	return nil
}

func (r *rounds) result(waits []time.Duration) Result {
	out := Result{Tasks: r.cfg.Tasks, Size: r.cfg.Size, Engines: r.cfg.Engines, Rate: r.cfg.Rate}
	n := float64(r.cfg.Tasks)
	var seconds, records, wireCPU, allocations, bytes []float64
	for i, t := range r.tasks {
		w := r.wire[i]
		seconds = append(seconds, t.seconds)
		records = append(records, n*recordsPerTask/w.seconds)
		out.RoundTasks = append(out.RoundTasks, n/t.seconds)
		out.RoundWire = append(out.RoundWire, n/w.seconds)
		out.RoundRatio = append(out.RoundRatio, w.seconds/t.seconds)
		out.RoundCPU = append(out.RoundCPU, t.usage.cpu.Seconds()*1e6/n)
		wireCPU = append(wireCPU, w.usage.cpu.Seconds()*1e6/n)
		allocations = append(allocations, float64(t.usage.allocations)/n)
		bytes = append(bytes, float64(t.usage.bytes)/n)
	}
	out.Seconds, out.TasksPerSecond = median(seconds), median(out.RoundTasks)
	out.WireRecordsPerSecond, out.WireTasksPerSecond = median(records), median(out.RoundWire)
	out.Ratio, out.CPU, out.WireCPU = median(out.RoundRatio), median(out.RoundCPU), median(wireCPU)
	out.Allocations, out.AllocatedBytes = median(allocations), median(bytes)
	slices.Sort(waits)
	out.LatencyTasks = len(waits)
	out.StartP50, out.StartP99 = quantile(waits, 0.50), quantile(waits, 0.99)
	return out
}

// median of figures; of an even number of them the lower one in the middle.
func median[T cmp.Ordered](of []T) T {
	sorted := slices.Sorted(slices.Values(of))
	return sorted[(len(sorted)-1)/2]
}

// quantile of sorted durations, in milliseconds.
func quantile(sorted []time.Duration, q float64) float64 {
	if len(sorted) == 0 {
		return 0
	}
	i := min(int(q*float64(len(sorted))), len(sorted)-1)
	return float64(sorted[i].Microseconds()) / 1000
}
