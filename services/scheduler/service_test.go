package scheduler_test

import (
	"log/slog"
	"testing"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/startstoptest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/services/scheduler"
)

func TestStartsAndStops(t *testing.T) {
	startstoptest.Stress(t, func(t *testing.T) (startstoptest.Service, func()) {
		t.Helper()
		b, err := embedded.Start(embedded.Config{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := cluster.Open(cluster.Config{Brokers: b.Addrs()})
		if err != nil {
			t.Fatal(err)
		}
		s, err := scheduler.New(scheduler.DefaultConfig(), scheduler.Deps{Cluster: c, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		return s, func() {
			c.Close()
			b.Close()
		}
	})
}
