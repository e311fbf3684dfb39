package engine

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/pkg/engine/lease"
)

func (e *Engine) setStatus(s lease.Status) {
	e.mu.Lock()
	e.status = s
	e.mu.Unlock()
}

// observe lets OpenTelemetry read the engine's status when it collects, which
// costs the running engine nothing.
func (e *Engine) observe() (stop func(), err error) {
	maker := instruments.On(otel.Meter(scope))
	running, stopping := maker.Gauge(instruments.AttemptsRunning), maker.Gauge(instruments.HandlersStopping)
	abandoned := maker.Observed(instruments.HandlersAbandoned)
	started := maker.Observed(instruments.AttemptsStarted)
	finished := maker.Observed(instruments.AttemptsFinished)
	refused := maker.Observed(instruments.AttemptsRefused)
	cancelled := maker.Observed(instruments.AttemptsCancelled)
	malformed := maker.Observed(instruments.AssignmentsMalformed)
	lost := maker.Observed(instruments.LeasesLost)
	who := metric.WithAttributes(attribute.String("engine", e.config.ID), attribute.String("pool", e.config.Pool))
	stop = maker.Observe(func(_ context.Context, o metric.Observer) error {
		s := e.Status()
		o.ObserveInt64(running, int64(s.Running), who)
		o.ObserveInt64(stopping, int64(s.Stopping), who)
		o.ObserveInt64(abandoned, int64(s.Counts.Abandoned), who)
		o.ObserveInt64(started, int64(s.Counts.Started), who)
		o.ObserveInt64(finished, int64(s.Counts.Finished), who)
		o.ObserveInt64(refused, int64(s.Counts.Refused), who)
		o.ObserveInt64(cancelled, int64(s.Counts.Cancelled), who)
		o.ObserveInt64(malformed, int64(s.Counts.Malformed), who)
		o.ObserveInt64(lost, int64(s.Counts.Lost), who)
		return nil
	}, running, stopping, abandoned, started, finished, refused, cancelled, malformed, lost)
	return stop, maker.Err()
}
