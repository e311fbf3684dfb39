package cli

import (
	"context"
	"os"

	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/internal/telemetry/messaging"
)

// Traced exports the spans of a command if the OTEL_* variables say so, and puts it
// into the trace that its caller is in, which names it in TRACEPARENT and
// TRACESTATE as OpenTelemetry has it for processes. stop must be called.
func (a *App) Traced(ctx context.Context) (in context.Context, stop func(), err error) {
	log, err := telemetry.Logger(a.Err, "text", "warn")
	if err != nil {
		return ctx, nil, err
	}
	telemetry.LogErrors(log)
	stop, err = telemetry.StartTraces("cli")
	return messaging.Extract(ctx, os.Getenv("TRACEPARENT"), os.Getenv("TRACESTATE")), stop, err
}
