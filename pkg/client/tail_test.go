package client

import (
	"context"
	"fmt"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Wherever a tail begins, also in the middle of a batch, it judges every record.
func TestTailJudgesFromWithinABatch(t *testing.T) {
	h := newHouse(t)
	c, ctx := h.client(t), within(t)
	const n = 1500 // More than it looks back at first.
	for i := range n {
		c.SubmitAsync(ctx, Task{ID: events.TaskID(fmt.Sprint("t", i)), Kind: "none"}, func(_ events.TaskID, err error) {
			if err != nil {
				t.Errorf("task %d: %v", i, err)
			}
		})
	}
	// Requests are decided in their order, so all are in the log when this is.
	if err := c.Cancel(ctx, "", events.TaskID(fmt.Sprint("t", n-1)), ""); err != nil {
		t.Fatal(err)
	}
	topic, partition := c.Topics().Events(), events.PoolPartition(events.DefaultPool)
	_, end, err := c.Offsets(ctx, topic, partition)
	if err != nil {
		t.Fatal(err)
	}
	within := 0
	for last := int64(1); last <= end; last += 1 + last/3 {
		next := end - last
		err := c.Tail(ctx, TailConfig{Topic: topic, Partitions: []int32{partition}, From: next}, func(r TailRecord) error {
			if r.Record.Offset == end-last {
				if _, first := r.Record.Header(events.HeaderLog); !first {
					within++
				}
			}
			if r.Record.Offset != next || !r.Judged || !r.Counts {
				return fmt.Errorf("offset %d, judged %v, counts %v; want %d, which counts", r.Record.Offset, r.Judged, r.Counts, next)
			}
			next++
			return nil
		})
		if err != nil || next < end {
			t.Errorf("the last %d from %d to %d: %v", last, next, end, err)
		}
	}
	if within == 0 {
		t.Error("no tail began within a batch: this proves nothing")
	}
	log := c.broker.Log(topic, partition)
	at, err := boundary(ctx, log, 0, end)
	if err != nil || at >= end {
		t.Errorf("the boundary before the end, %d, is %d, %v", end, at, err)
	}
	if !eventlog.IsOutOfRange(func() error { _, err := boundary(ctx, log, end+1, end+1); return err }()) {
		t.Error("a boundary beyond the end is not out of range")
	}
}

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
	r, err := c.Record(ctx, at)
	if err != nil {
		t.Fatal(err)
	}
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

func TestUnknown(t *testing.T) {
	gone := &EngineStatus{Engine: &events.Engine{Labels: label("tape")}, State: EngineLost}
	ready := &EngineStatus{Engine: &events.Engine{Labels: label("disk"), Allocatable: map[string]int64{"slots": 1}}, State: EngineReady}
	draining := &EngineStatus{Engine: &events.Engine{Labels: label("gpu")}, State: EngineDraining}
	all := []*EngineStatus{gone, ready, draining}
	for text, want := range map[string]string{
		"": "[]", "true": "[]", "nonsense(": "[]",
		`engine.labels.disk == "ssd" && engine.labels.gpu > 0 && engine.free.slots > 0`: "[]",
		"engine.labels.tape == 1 && engine.labels.cpu == 1 || engine.free.slots > 1":    "[engine.labels.tape engine.labels.cpu]",
		`engine.allocatable["memory_bytes"] > 1`:                                        "[engine.allocatable.memory_bytes]",
	} {
		if got := fmt.Sprint(Unknown(text, all)); got != want {
			t.Errorf("Unknown(%q) = %s; want %s", text, got, want)
		}
	}
	if got := Unknown("engine.labels.cpu == 1", []*EngineStatus{gone}); got != nil {
		t.Errorf("without an engine to compare with Unknown is %v", got)
	}
}

func label(name string) map[string]*structpb.Value {
	return map[string]*structpb.Value{name: structpb.NewStringValue("x")}
}
