package engine

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry"
	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

const (
	traceID, producer = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	traceparent       = "00-" + traceID + "-" + producer + "-01"
)

// recorder gives the spans that have ended, one after the other.
type recorder chan tracetest.SpanStub

func (r recorder) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, s := range spans {
		r <- tracetest.SpanStubFromReadOnlySpan(s)
	}
	return nil
}

func (r recorder) Shutdown(context.Context) error { return nil }

func record() (recorder, Option) {
	r := make(recorder, 100)
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(r))
	return r, func(e *Engine) { e.traceWith(provider.Tracer(scope)) }
}

// named awaits the next span of that name and forgets those before it.
func (r recorder) named(t *testing.T, name string) tracetest.SpanStub {
	t.Helper()
	for {
		if s := await(t, "span "+name, r); s.Name == name {
			return s
		}
	}
}

func TestAttemptsAreSpansOfTheTasksTrace(t *testing.T) {
	recorded, tracing := record()
	inside := make(chan trace.SpanContext, 2)
	r := start(t, Config{}, map[string]Handler{"resize": func(ctx context.Context, t *Task) ([]byte, error) {
		inside <- trace.SpanContextFromContext(ctx)
		if t.ID == "bad" {
			return nil, Fail("NOT_FOUND", errors.New("no such picture"))
		}
		return nil, nil
	}}, tracing)
	for _, id := range []string{"good", "bad"} {
		token := r.s.assign(&events.Task{Id: id, Kind: "resize", Traceparent: traceparent})
		in := await(t, "the handler", inside)
		next[*events.AttemptFinished](t, r.s)
		s := recorded.named(t, "process spanway.tasks.assignments")
		if s.SpanKind != trace.SpanKindConsumer || s.SpanContext.TraceID().String() != traceID ||
			s.Parent.SpanID().String() != producer || in.SpanID() != s.SpanContext.SpanID() {
			t.Errorf("%s: the span is %+v", id, s)
		}
		if len(s.Links) != 1 || s.Links[0].SpanContext.SpanID() != s.Parent.SpanID() {
			t.Errorf("%s: the span links to %v, not to what sent the message", id, s.Links)
		}
		has := map[string]any{}
		for _, a := range s.Attributes {
			has[string(a.Key)] = a.Value.AsInterface()
		}
		if has["spanway.task.id"] != id || has["spanway.task.pool"] != "blue" || has["spanway.task.attempt"] != int64(1) ||
			has["spanway.task.token"] != int64(token) || has["spanway.task.kind"] != "resize" || has["messaging.message.conversation_id"] != id {
			t.Errorf("%s: attributes %v", id, has)
		}
		if failed := id == "bad"; failed != (s.Status.Code == codes.Error) || failed != (has["error.type"] == "NOT_FOUND") {
			t.Errorf("%s: status %v, error type %v", id, s.Status, has["error.type"])
		}
	}
}

// The trace goes on from the record that brought the attempt to the one that
// reports its end.
func TestTracesGoThroughTheEngine(t *testing.T) {
	for name, options := range map[string]func() (recorder, []Option){
		"with an SDK":    func() (recorder, []Option) { r, o := record(); return r, []Option{o} },
		"without an SDK": func() (recorder, []Option) { return nil, nil },
	} {
		t.Run(name, func(t *testing.T) {
			recorded, with := options()
			r := start(t, Config{}, map[string]Handler{"noop": func(context.Context, *Task) ([]byte, error) { return nil, nil }}, with...)
			const placed = "00-" + traceID + "-aaaaaaaaaaaaaaaa-01"
			r.s.assign(&events.Task{Id: "1", Kind: "noop", Traceparent: traceparent}, events.Header{Key: events.HeaderTraceparent, Value: []byte(placed)})
			next[*events.AttemptFinished](t, r.s)
			reported := await(t, "the report", r.s.traces)
			if with == nil {
				if reported != placed {
					t.Errorf("the report is in %q, not in %q", reported, placed)
				}
				return
			}
			executed, sent := recorded.named(t, "process spanway.tasks.assignments"), recorded.named(t, "send spanway.engines.reports")
			if executed.Parent.SpanID().String() != "aaaaaaaaaaaaaaaa" || sent.Parent.SpanID() != executed.SpanContext.SpanID() ||
				sent.SpanKind != trace.SpanKindProducer || !strings.Contains(reported, sent.SpanContext.SpanID().String()) {
				t.Errorf("the report is in %q; executed: %+v, sent: %+v", reported, executed, sent)
			}
		})
	}
}

// What is logged in a handler's name is found from its span, and back.
func TestLogsOfAttemptsNameTheirSpan(t *testing.T) {
	recorded, tracing := record()
	var out locked
	log, err := telemetry.Logger(&out, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, Config{Logger: log}, map[string]Handler{"panic": func(context.Context, *Task) ([]byte, error) { panic("oh no") }}, tracing)
	r.s.assign(&events.Task{Id: "1", Kind: "panic", Traceparent: traceparent})
	next[*events.AttemptFinished](t, r.s)
	span := recorded.named(t, "process spanway.tasks.assignments").SpanContext
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, "a handler panicked") {
			if !strings.Contains(line, `"trace_id":"`+traceID+`"`) || !strings.Contains(line, `"span_id":"`+span.SpanID().String()+`"`) {
				t.Errorf("the line does not name span %s: %s", span.SpanID(), line)
			}
			return
		}
	}
	t.Errorf("nothing was logged of the panic:\n%s", out.String())
}

// The broker refuses a report: the line that says so names the task's trace.
func TestLogsOfReportsNameTheirTrace(t *testing.T) {
	var out locked
	log, err := telemetry.Logger(&out, "json", "info")
	if err != nil {
		t.Fatal(err)
	}
	s := &sender{log: log, inbox: newInbox(), ends: map[uint64]struct{}{}}
	ctx := trace.ContextWithRemoteSpanContext(t.Context(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}}))
	s.settle(ctx, lease.Report{Message: &events.AttemptProgressed{}}, errors.New("refused"))
	s.settle(ctx, lease.Report{Message: &events.AttemptStarted{}}, errors.New("refused"))
	if n := strings.Count(out.String(), `"trace_id":"01000000000000000000000000000000","span_id":"0200000000000000"`); n != 2 {
		t.Errorf("%d of 2 lines name the trace:\n%s", n, out.String())
	}
}

// locked is a buffer that many may write to.
type locked struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *locked) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
