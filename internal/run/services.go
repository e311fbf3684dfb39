package run

import (
	"context"

	"go.opentelemetry.io/otel"

	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/services/scheduler"
)

// Scheduler runs a scheduler on the cluster of deps until ctx ends, and then leaves
// its group.
func Scheduler(ctx context.Context, cfg scheduler.Config, deps scheduler.Deps, tel *telemetry.Telemetry) error {
	deps.Meter = otel.Meter("github.com/spanway/spanway/services/scheduler")
	s, err := scheduler.New(cfg, deps)
	if err != nil {
		return err
	}
	tel.Ready("scheduler", s.Ready())
	tel.Watch("scheduler", s.Trouble)
	if err := s.Run(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	return nil // Also if it was told to stop before it could begin.
}
