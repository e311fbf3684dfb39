package bench

import (
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/run"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestRunMeasuresBothPhases(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	s, err := run.Start(t.Context(), run.Config{Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	r, err := Run(t.Context(), Config{
		Brokers: s.Brokers(), Pool: "bench-test", Tasks: 500, Size: 200, Engines: 2, Slots: 50,
		Rate: 500, Duration: 200 * time.Millisecond, Logger: quiet,
	})
	if err != nil {
		t.Fatal(err)
	}
	if r.TasksPerSecond <= 0 || r.LatencyTasks != 100 || r.StartP50 <= 0 || r.StartP99 < r.StartP50 {
		t.Errorf("measured %+v", r)
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
