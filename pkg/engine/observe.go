package engine

import (
	"context"
	"fmt"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

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
	meter := otel.Meter(scope)
	var failed error
	note := func(err error) {
		if failed == nil {
			failed = err
		}
	}
	counter := func(name, what string) metric.Int64ObservableCounter {
		c, err := meter.Int64ObservableCounter("spanway.engine."+name, metric.WithDescription(what))
		note(err)
		return c
	}
	running, err := meter.Int64ObservableGauge("spanway.engine.attempts.running", metric.WithDescription("Attempts held now."))
	note(err)
	stopping, err := meter.Int64ObservableGauge("spanway.engine.handlers.stopping", metric.WithDescription("Handlers that were told to end and have not."))
	note(err)
	abandoned := counter("handlers.abandoned", "Handlers that did not end although they were stopped.")
	started := counter("attempts.started", "Attempts started.")
	finished := counter("attempts.finished", "Attempts that ended and were reported.")
	refused := counter("attempts.refused", "Assignments that the engine would not take.")
	cancelled := counter("attempts.cancelled", "Attempts that the scheduler ended: cancelled, taken back or timed out by it.")
	malformed := counter("records.malformed", "Records of the assignments that could not be understood.")
	lost := counter("leases.lost", "How often the lease was lost.")
	if failed != nil {
		return nil, fmt.Errorf("make its metrics: %w", failed)
	}
	who := metric.WithAttributes(attribute.String("engine", e.config.ID), attribute.String("pool", e.config.Pool))
	r, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
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
	if err != nil {
		return nil, fmt.Errorf("make its metrics: %w", err)
	}
	return func() {
		if err := r.Unregister(); err != nil {
			e.config.Logger.Warn("unregister metrics", "error", err)
		}
	}, nil
}
