package client

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/pkg/events"
)

// A command says when it was sent, and is a span of the trace that it is part of.
func TestCommandsAreStampedAndTraced(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))
	before, propagator := otel.GetTracerProvider(), otel.GetTextMapPropagator()
	otel.SetTracerProvider(provider)
	otel.SetTextMapPropagator(propagation.TraceContext{})
	t.Cleanup(func() {
		otel.SetTracerProvider(before)
		otel.SetTextMapPropagator(propagator)
		_ = provider.Shutdown(context.Background())
	})
	h := newHouse(t)
	c, ctx := h.client(t), within(t)
	ctx, caller := provider.Tracer("test").Start(ctx, "order")
	if _, err := c.Do(ctx, Task{Kind: "echo"}); err != nil {
		t.Fatal(err)
	}
	caller.End()
	at := events.Place{Topic: c.Topics().Requests(), Partition: events.PoolPartition(events.DefaultPool)}
	page, err := h.Cluster().Partition(at.Topic, at.Partition).Fetch(ctx, at.Offset, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	r := page.Records[0]
	if age := caller.(sdktrace.ReadOnlySpan).EndTime().UnixMilli() - r.Timestamp; age < 0 || age > 30_000 {
		t.Errorf("the request's timestamp is %d, %d ms before its end", r.Timestamp, age)
	}
	for _, s := range recorder.Ended() {
		if s.Name() != "send spanway.tasks.requests" {
			continue
		}
		parent, _ := r.Header(events.HeaderTraceparent)
		want := fmt.Sprintf("00-%s-%s-01", s.SpanContext().TraceID(), s.SpanContext().SpanID())
		if s.SpanKind() != trace.SpanKindProducer || s.Parent().SpanID() != caller.SpanContext().SpanID() || string(parent) != want {
			t.Errorf("the span is %v of %s, and the record says %s; want %s", s.SpanKind(), s.Parent().SpanID(), parent, want)
		}
		return
	}
	t.Error("no span of the request was recorded")
}
