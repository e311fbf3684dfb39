package engine

import (
	"context"
	"errors"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/pkg/events"
)

func TestAttemptsAreSpansOfTheTasksTrace(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	inside := make(chan trace.SpanContext, 2)
	r := start(t, Config{}, map[string]Handler{"resize": func(ctx context.Context, t *Task) ([]byte, error) {
		inside <- trace.SpanContextFromContext(ctx)
		if t.ID == "bad" {
			return nil, Fail("NOT_FOUND", errors.New("no such picture"))
		}
		return nil, nil
	}}, func(e *Engine) { e.tracer = provider.Tracer(scope) })
	const traceID, parent = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, id := range []string{"good", "bad"} {
		token := r.s.assign(&events.Task{Id: id, Kind: "resize", Traceparent: "00-" + traceID + "-" + parent + "-01"})
		in := await(t, "the handler", inside)
		next[*events.AttemptFinished](t, r.s)
		all := spans.GetSpans()
		spans.Reset()
		if len(all) != 1 {
			t.Fatalf("%s: %d spans, want 1", id, len(all))
		}
		s := all[0]
		if s.Name != "process resize" || s.SpanKind != trace.SpanKindConsumer || s.SpanContext.TraceID().String() != traceID ||
			s.Parent.SpanID().String() != parent || in.SpanID() != s.SpanContext.SpanID() {
			t.Errorf("%s: the span is %+v", id, s)
		}
		has := map[string]any{}
		for _, a := range s.Attributes {
			has[string(a.Key)] = a.Value.AsInterface()
		}
		if has["spanway.task.id"] != id || has["spanway.task.pool"] != "blue" || has["spanway.task.attempt"] != int64(1) ||
			has["spanway.task.token"] != int64(token) {
			t.Errorf("%s: attributes %v", id, has)
		}
		if failed := id == "bad"; failed != (s.Status.Code == codes.Error) || failed != (has["error.type"] == "NOT_FOUND") {
			t.Errorf("%s: status %v, error type %v", id, s.Status, has["error.type"])
		}
	}
}
