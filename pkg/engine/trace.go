package engine

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

// scope names what the engine measures and traces.
const scope = "github.com/spanway/spanway/pkg/engine"

// traceWith makes the engine's spans come from a tracer. Without an SDK they cost
// next to nothing and record nothing.
func (e *Engine) traceWith(t trace.Tracer) {
	topics := events.Topics{Prefix: e.config.Prefix}
	e.executes, e.reports = messaging.Processes(t, topics.Assignments()), messaging.Sends(t, topics.Reports())
}

// traced is a context in the trace that an attempt goes on from.
func traced(a *lease.Attempt) context.Context {
	return messaging.Extract(context.Background(), a.Task.Traceparent, a.Task.Tracestate)
}

// span begins the span of an attempt, in which its handler runs.
func (e *Engine) span(ctx context.Context, a *lease.Attempt) (context.Context, trace.Span) {
	var link []trace.SpanStartOption
	if sent := trace.SpanContextFromContext(ctx); sent.IsSampled() {
		link = []trace.SpanStartOption{messaging.LinkTo(sent)}
	}
	ctx, span := e.executes.Start(ctx, link...)
	if span.IsRecording() {
		span.SetAttributes(messaging.Partition(events.EnginePartition(events.EngineID(e.config.ID))))
		span.SetAttributes(e.about(a)...)
	}
	return ctx, span
}

// about says which attempt a span is about.
func (e *Engine) about(a *lease.Attempt) []attribute.KeyValue {
	return []attribute.KeyValue{
		messaging.Conversation(a.Task.Id), messaging.TaskID.String(a.Task.Id), messaging.TaskPool.String(e.config.Pool),
		messaging.TaskKind.String(a.Task.Kind), messaging.TaskAttempt.Int(int(a.Number)), messaging.TaskToken.Int64(int64(a.Token)),
		messaging.EngineID.String(e.config.ID),
	}
}

func endSpan(span trace.Span, r lease.Result) {
	if r.Error != nil && span.IsRecording() {
		messaging.Fail(span, r.Error.Code, r.Error.Message)
	}
	span.End()
}

// contextOf is the context of what is reported: that of the handler whose end it
// is, else the one that the attempt goes on from.
func (l *loop) contextOf(r lease.Report) context.Context {
	switch {
	case r.Attempt == nil:
		return context.Background()
	case l.ended.context != nil && l.ended.token == r.Attempt.Token:
		return l.ended.context
	}
	return traced(r.Attempt)
}
