package engine

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

// scope names what the engine measures and traces.
const scope = "github.com/spanway/spanway/pkg/engine"

var asConsumer = []trace.SpanStartOption{trace.WithSpanKind(trace.SpanKindConsumer)}

// traced is a context that continues the trace of the task's producer.
func traced(t *events.Task) context.Context {
	ctx := context.Background()
	if t.Traceparent == "" {
		return ctx
	}
	return propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{
		events.HeaderTraceparent: t.Traceparent, events.HeaderTracestate: t.Tracestate,
	})
}

// span begins the span of an attempt, named as OpenTelemetry's conventions for
// messaging have it. Without an SDK it costs next to nothing and records nothing.
func (e *Engine) span(ctx context.Context, a *lease.Attempt) (context.Context, trace.Span) {
	ctx, span := e.tracer.Start(ctx, e.spans[a.Task.Kind], asConsumer...)
	if span.IsRecording() {
		span.SetAttributes(
			attribute.String("messaging.system", "kafka"),
			attribute.String("messaging.operation.type", "process"),
			attribute.String("messaging.operation.name", "process"),
			attribute.String("spanway.task.id", a.Task.Id),
			attribute.String("spanway.task.pool", a.Task.Pool),
			attribute.Int("spanway.task.attempt", int(a.Number)),
			attribute.Int64("spanway.task.token", int64(a.Token)),
		)
	}
	return ctx, span
}

func endSpan(span trace.Span, r lease.Result) {
	if r.Error != nil && span.IsRecording() {
		span.SetAttributes(attribute.String("error.type", r.Error.Code))
		span.SetStatus(codes.Error, r.Error.Message)
	}
	span.End()
}
