package scheduler

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

const (
	producer    = "00f067aa0ba902b7"
	traceparent = "00-4bf92f3577b34da6a3ce929d0e0e4736-" + producer + "-01"
	reporter    = "00-4bf92f3577b34da6a3ce929d0e0e4736-aaaaaaaaaaaaaaaa-01"
)

// stage is an owner's traces, and the state that its events are folded into.
type stage struct {
	t      *testing.T
	spans  *tracetest.InMemoryExporter
	traces *traces
	state  *placement.State
	offset int64
	ms     int64
}

func newStage(t *testing.T) *stage {
	spans := tracetest.NewInMemoryExporter()
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans), sdktrace.WithSampler(sdktrace.AlwaysSample())))
	t.Cleanup(func() { otel.SetTracerProvider(before) })
	s := &stage{t: t, spans: spans, ms: 1_000_000}
	cfg := DefaultConfig()
	service := &Service{cfg: cfg, topics: events.Topics{Prefix: cfg.Prefix}}
	s.traces = newTraces(service, events.PoolPartition("blue"), func() time.Time { return time.UnixMilli(s.ms) })
	s.state = placement.New(service.placement(events.PoolPartition("blue")))
	return s
}

// fold applies the events of another owner; it returns them at their places.
func (s *stage) fold(messages ...proto.Message) []events.Logged {
	var batch []events.Logged
	for _, m := range messages {
		l := events.Logged{Offset: s.offset, Epoch: 1, N: uint32(s.offset), Type: events.TypeOf(m), Message: m}
		s.offset++
		s.state.Apply(l)
		batch = append(batch, l)
	}
	return batch
}

// batch is one of this owner's that counts a millisecond after it was decided.
func (s *stage) batch(messages ...proto.Message) []events.Logged {
	s.traces.clock()
	batch := s.fold(messages...)
	s.ms++
	s.traces.counted(s.state, batch)
	return batch
}

// told are the spans since the last call, one a line: name, outcome, cause, error,
// "<" the parent, and how many milliseconds it took.
func (s *stage) told() string {
	var b strings.Builder
	for _, span := range s.spans.GetSpans() {
		if span.Name == "send spanway.tasks.events" {
			continue
		}
		b.WriteString(span.Name)
		for _, a := range span.Attributes {
			switch a.Key {
			case "spanway.task.outcome", "spanway.task.wait.cause":
				fmt.Fprintf(&b, " (%s)", a.Value.AsString())
			case "error.type":
				fmt.Fprintf(&b, " !%s", a.Value.AsString())
				if span.Status.Code != codes.Error {
					s.t.Errorf("%s has an error type and no error", span.Name)
				}
			}
		}
		fmt.Fprintf(&b, " <%.4s %d\n", span.Parent.SpanID(), span.EndTime.Sub(span.StartTime).Round(time.Millisecond).Milliseconds())
	}
	s.spans.Reset()
	return b.String()
}

func (s *stage) want(what, want string) {
	s.t.Helper()
	if diff := cmp.Diff(want, s.told()); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func (s *stage) accepted() proto.Message {
	return &events.TaskAccepted{AtMs: s.ms, Task: &events.Task{Id: "1", Pool: "blue", Kind: "k", Traceparent: traceparent}}
}

func (s *stage) registered() proto.Message {
	return &events.EngineRegistered{AtMs: s.ms, Engine: &events.Engine{
		Id: "e", Incarnation: "i", Pool: "blue", Kinds: []string{"k"}, Allocatable: map[string]int64{"slots": 1},
	}}
}

func (s *stage) assigned(attempt int32) proto.Message {
	return &events.TaskAssigned{AtMs: s.ms, TaskId: "1", Pool: "blue", EngineId: "e", Incarnation: "i", Attempt: attempt, Token: uint64(attempt)}
}

// report lets the report of an attempt's end arrive.
func (s *stage) report(token uint64) {
	s.arrive(events.Topics{Prefix: events.DefaultPrefix}.Reports(), 9, &events.AttemptFinished{
		TaskId: "1", Pool: "blue", EngineId: "e", Incarnation: "i", Attempt: 1, Token: token, Outcome: events.AttemptFinished_SUCCEEDED,
	}, reporter)
}

func (s *stage) arrive(topic string, offset int64, m proto.Message, parent string) {
	s.t.Helper()
	rec, err := events.Encoder{Source: "/test"}.Encode("1", m, events.Header{Key: events.HeaderTraceparent, Value: []byte(parent)})
	if err != nil {
		s.t.Fatal(err)
	}
	rec.Key = []byte("blue")
	partition := events.PoolPartition("blue")
	cfg := placement.Config{Topics: events.Topics{Prefix: events.DefaultPrefix}, Partition: partition}
	s.traces.decided()
	s.traces.arrive([]events.Input[input]{{
		Place: events.Place{Topic: topic, Partition: partition, Offset: offset}, Value: placement.NewPreparer(cfg).Prepare(topic, partition, &rec),
	}})
}

func TestEveryEndIsTold(t *testing.T) {
	s := newStage(t)
	s.batch(s.registered(), s.accepted())
	s.want("accepted", "process spanway.tasks.requests (accepted) <00f0 1\n")
	s.ms += 40
	s.batch(s.assigned(1))
	s.want("assigned", "wait (accepted) <00f0 41\nplace <00f0 1\n")

	s.ms += 10
	s.batch(&events.EngineLost{AtMs: s.ms, EngineId: "e", Incarnation: "i", Pool: "blue", Attempts: 1, Reason: "no heartbeat"},
		&events.TaskRetryScheduled{AtMs: s.ms, TaskId: "1", Pool: "blue", Attempt: 2, NotBeforeMs: s.ms + 5})
	s.want("its engine is lost", "attempt !ENGINE_LOST <00f0 11\n")
	s.ms += 20
	s.batch(s.registered(), s.assigned(2))
	s.want("tried again", "wait (ENGINE_LOST) <00f0 21\nplace <00f0 1\n")

	s.report(1)
	s.batch(&events.TaskStaleResultRejected{AtMs: s.ms, TaskId: "1", Pool: "blue", EngineId: "e", Attempt: 1, Token: 1, Outcome: "succeeded"})
	s.want("a zombie's report", "process spanway.engines.reports (stale_result_rejected) !STALE_RESULT <aaaa 1\n")
	s.report(2)
	s.batch(&events.TaskSucceeded{AtMs: s.ms, TaskId: "1", Pool: "blue", EngineId: "e", Attempt: 2, Token: 2})
	s.want("succeeded", "process spanway.engines.reports (succeeded) <aaaa 1\n")
	if len(s.traces.lives)+len(s.traces.assigned) > 0 {
		t.Errorf("it still knows of %v, %v", s.traces.lives, s.traces.assigned)
	}

	for what, c := range map[string]struct {
		end  func(ms int64) proto.Message
		want string
	}{
		"expired":   {func(ms int64) proto.Message { return &events.TaskExpired{AtMs: ms, TaskId: "1", Pool: "blue"} }, "wait (accepted) <00f0 30\nend (expired) !EXPIRED <00f0 1\n"},
		"cancelled": {func(ms int64) proto.Message { return &events.TaskCancelled{AtMs: ms, TaskId: "1", Pool: "blue"} }, "wait (accepted) <00f0 30\nend (cancelled) <00f0 1\n"},
		"dead": {func(ms int64) proto.Message {
			return &events.TaskDeadLettered{AtMs: ms, TaskId: "1", Pool: "blue", Attempts: 5, Error: &events.TaskError{Code: "NO"}}
		},
			"wait (accepted) <00f0 30\nend (dead_lettered) !NO <00f0 1\n"},
	} {
		s := newStage(t)
		s.batch(s.accepted())
		s.told()
		s.ms += 29
		s.batch(c.end(s.ms))
		s.want(what, c.want)
	}
}

func TestRefusedRequestsAreTold(t *testing.T) {
	s := newStage(t)
	topic := events.Topics{Prefix: events.DefaultPrefix}.Requests()
	source := &events.Source{Topic: topic, Partition: events.PoolPartition("blue"), Offset: 7}
	s.arrive(topic, 7, &events.TaskRequested{TaskId: "1", Pool: "blue"}, traceparent)
	s.batch(&events.TaskRejected{AtMs: s.ms, TaskId: "1", Pool: "blue", Code: "BAD_DATA", Message: "no kind", Source: source})
	s.want("refused", "process spanway.tasks.requests (rejected) !BAD_DATA <00f0 1\n")
	s.arrive(topic, 8, &events.TaskRequested{TaskId: "1", Pool: "blue"}, strings.TrimSuffix(traceparent, "1")+"0")
	s.batch(&events.TaskRejected{AtMs: s.ms, TaskId: "1", Pool: "blue", Code: "BAD_DATA", Source: &events.Source{Topic: topic, Offset: 8}})
	s.want("refused in a trace that nobody records", "")
}

// A round of the owner is about many tasks: it is in the trace of none, and links
// to some.
func TestBatchesLinkToTheirMessages(t *testing.T) {
	s := newStage(t)
	var many []proto.Message
	for i := range 100 {
		parent := fmt.Sprintf("00-4bf92f3577b34da6a3ce929d0e0e4736-00000000000000%02x-01", i+1)
		many = append(many, &events.TaskAccepted{AtMs: s.ms, Task: &events.Task{Id: fmt.Sprint(i), Pool: "blue", Kind: "k", Traceparent: parent}})
	}
	s.batch(many...)
	spans := s.spans.GetSpans()
	i := slices.IndexFunc(spans, func(s tracetest.SpanStub) bool { return s.Name == "send spanway.tasks.events" })
	if i < 0 || spans[i].Parent.IsValid() || len(spans[i].Links) != 32 || len(spans) != 101 {
		t.Fatalf("of %d spans that of the batch is %d: %+v", len(spans), i, spans[max(i, 0)])
	}
	s.spans.Reset()
	s.batch(&events.TaskAccepted{AtMs: s.ms, Task: &events.Task{Id: "untraced", Pool: "blue", Kind: "k"}})
	if n := len(s.spans.GetSpans()); n > 0 {
		t.Errorf("%d spans of a batch in no trace", n)
	}
}

// What another owner decided makes no span, and what is published of it again
// names no span of this one.
func TestATakeoverOpensNoOldTraces(t *testing.T) {
	s := newStage(t)
	old := s.fold(s.registered(), s.accepted(), s.assigned(1))
	s.want("folded", "")
	if rec := s.publish(old[2].Offset, nil); len(rec.Headers) > 0 {
		t.Errorf("published again with the headers %v", rec.Headers)
	}
	s.want("published again", "")

	s.ms += 50
	s.batch(&events.TaskAttemptReturned{AtMs: s.ms, TaskId: "1", Pool: "blue", EngineId: "e", Attempt: 1, Token: 1, Reason: "not received"})
	s.told()
	s.ms += 6
	own := s.batch(s.assigned(2))
	rec := s.publish(own[0].Offset, nil)
	header, _ := rec.Header(events.HeaderTraceparent)
	spans := s.spans.GetSpans()
	published := spans[len(spans)-1]
	if published.Name != "send spanway.tasks.assignments" || !strings.Contains(string(header), published.SpanContext.SpanID().String()) {
		t.Errorf("published with %q in %+v", header, published)
	}
	s.want("decided here", fmt.Sprintf("wait (attempt_returned) <00f0 7\nplace <00f0 1\nsend spanway.tasks.assignments <%.4s 0\n", published.Parent.SpanID()))
}

// publish sends what the event at an offset causes, which ends with err.
func (s *stage) publish(offset int64, err error) (rec events.Record) {
	if _, sent := s.traces.publishing(offset, 0, &rec); sent != nil {
		sent(0, err)
	}
	return rec
}

func TestNobodyTracesAtNoCost(t *testing.T) {
	s := newStage(t)
	sdk := otel.GetTracerProvider()
	otel.SetTracerProvider(initialProvider)
	defer otel.SetTracerProvider(sdk)
	s.traces.decided()
	batch := s.fold(s.registered(), s.accepted(), s.assigned(1))
	inputs := []events.Input[input]{{Place: events.Place{Topic: "spanway.tasks.requests"}}}
	cost := testing.AllocsPerRun(100, func() {
		s.traces.arrive(inputs)
		s.traces.decided()
		s.traces.counted(s.state, batch)
	})
	if cost > 0 || len(s.traces.lives) > 0 {
		t.Errorf("a batch costs %v allocations, and %d tasks are known", cost, len(s.traces.lives))
	}
}

// initialProvider is that of a process without an SDK.
var initialProvider = otel.GetTracerProvider()

func TestRefusedRecordsAreErrors(t *testing.T) {
	s := newStage(t)
	batch := s.batch(s.registered(), s.accepted(), s.assigned(1))
	s.publish(batch[2].Offset, context.DeadlineExceeded)
	spans := s.spans.GetSpans()
	if last := spans[len(spans)-1]; last.Status.Code != codes.Error {
		t.Errorf("span %s, %v", last.Name, last.Status)
	}
}
