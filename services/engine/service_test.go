package engine_test

import (
	"log/slog"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/internal/startstoptest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/engine"
	standalone "github.com/spanway/spanway/services/engine"
)

// Each engine is one of a system of its own, which is to register it.
func TestStartsAndStops(t *testing.T) {
	quiet := slog.New(slog.DiscardHandler)
	startstoptest.Stress(t, func(t *testing.T) (startstoptest.Service, func()) {
		t.Helper()
		system, err := run.Start(t.Context(), run.Config{Logger: quiet})
		if err != nil {
			t.Fatal(err)
		}
		c, err := cluster.Open(cluster.Config{Brokers: system.Brokers()})
		if err != nil {
			t.Fatal(err)
		}
		s, err := standalone.New(standalone.Config{Engine: engine.Config{
			ID: "engine-1", Site: "local", Grace: time.Second, Logger: quiet,
		}, Monitor: standalone.MonitorOff}, standalone.Deps{Cluster: c})
		if err != nil {
			t.Fatal(err)
		}
		return s, func() {
			c.Close()
			system.Stop()
		}
	})
}
