package bench

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunMeasuresTasksAndTheBareWire(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	var started, done int
	cfg := Config{
		Start: func(ctx context.Context) ([]string, func(), error) {
			started++
			s, err := run.Start(ctx, run.Config{Logger: quiet})
			if err != nil {
				return nil, nil, err
			}
			return s.Brokers(), s.Stop, nil
		},
		Prefix: events.DefaultPrefix, Pool: "bench-test", Rounds: 2, Tasks: 500, Size: 200, Engines: 2, Slots: 50,
		Rate: 500, Duration: 200 * time.Millisecond, Logger: quiet,
		Progress: func(n int) { done += n },
	}
	r, err := Run(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if r.TasksPerSecond <= 0 || r.LatencyTasks != 100 || r.StartP50 <= 0 || r.StartP99 < r.StartP50 {
		t.Errorf("measured %+v", r)
	}
	if len(r.RoundTasks) != 2 || len(r.RoundWire) != 2 || r.Ratio <= 0 || r.CPU <= 0 || r.WireCPU <= 0 || r.Allocations < 1 {
		t.Errorf("measured %+v", r)
	}
	if started != 3 {
		t.Errorf("%d systems for a warm-up and two rounds", started)
	}
	if want := 2*500 + 2*2*500 + 100; done != want {
		t.Errorf("told of %d, want %d", done, want)
	}
}

func TestQuantile(t *testing.T) {
	var d []time.Duration
	for i := range 100 {
		d = append(d, time.Duration(i+1)*time.Millisecond)
	}
	if p50, p99 := quantile(d, 0.5), quantile(d, 0.99); p50 != 51 || p99 != 100 {
		t.Errorf("p50 %v, p99 %v of 1 to 100 ms", p50, p99)
	}
	if q := quantile(nil, 0.5); q != 0 {
		t.Errorf("quantile of nothing is %v", q)
	}
}
