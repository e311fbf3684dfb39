package engine

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// running is an engine that runs against a broker and a scheduler in memory.
type running struct {
	*Engine
	m     *memory
	s     *scheduler
	drain context.CancelFunc
	ended chan error
}

func start(t testing.TB, c Config, handlers map[string]Handler, options ...Option) *running {
	t.Helper()
	m := newMemory()
	c.Brokers, c.Pool = []string{"memory"}, "blue"
	if c.ID == "" {
		c.ID = "e1"
	}
	options = append(options, func(e *Engine) { e.connect = func() (transport, error) { return connect(m, e), nil } })
	e, err := New(c, options...)
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range sortedKeys(handlers) {
		e.Handle(kind, handlers[kind])
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := &running{Engine: e, m: m, s: newScheduler(t, m, "blue"), drain: cancel, ended: make(chan error, 1)}
	go func() { r.ended <- e.Run(ctx) }()
	t.Cleanup(func() { cancel(); e.Close() })
	await(t, "the engine to be ready", e.Ready())
	await(t, "its registration", r.s.lives)
	return r
}

func (r *running) end(t *testing.T) {
	t.Helper()
	if err := await(t, "Run to return", r.ended); err != nil {
		t.Fatalf("Run returned %v", err)
	}
}

// held is a handler that says that it runs and waits for its context's end,
// the cause of which it returns.
func held(entered chan<- string) Handler {
	return func(ctx context.Context, t *Task) ([]byte, error) {
		entered <- t.ID
		<-ctx.Done()
		return nil, context.Cause(ctx)
	}
}

func TestHandlersResults(t *testing.T) {
	boom := errors.New("boom")
	r := start(t, Config{Site: "ams"}, map[string]Handler{
		"echo": func(_ context.Context, t *Task) ([]byte, error) {
			t.ResultType = "text/plain"
			return append([]byte("so: "), t.Payload...), nil
		},
		"retry": func(context.Context, *Task) ([]byte, error) { return nil, fmt.Errorf("try: %w", boom) },
		"final": func(context.Context, *Task) ([]byte, error) {
			return nil, Final(fmt.Errorf("wrapped: %w", Fail("NOT_FOUND", boom)))
		},
		"panic": func(context.Context, *Task) ([]byte, error) { panic("oh no") },
		"exit":  func(context.Context, *Task) ([]byte, error) { runtime.Goexit(); return nil, nil },
		"json": JSON(func(_ context.Context, _ *Task, in struct{ A, B int }) (int, error) {
			return in.A + in.B, nil
		}),
	})
	for _, c := range []struct {
		kind, payload string
		outcome       events.AttemptFinished_Outcome
		result, typ   string
		code, message string
	}{
		{"echo", "hello", events.AttemptFinished_SUCCEEDED, "so: hello", "text/plain", "", ""},
		{"retry", "", events.AttemptFinished_FAILED, "", "", "ERROR", "try: boom"},
		{"final", "", events.AttemptFinished_FAILED_FINALLY, "", "", "NOT_FOUND", "wrapped: boom"},
		{"panic", "", events.AttemptFinished_FAILED, "", "", "PANIC", "the handler panicked: oh no"},
		{"exit", "", events.AttemptFinished_FAILED, "", "", "PANIC", "the handler ended its goroutine instead of returning"},
		{"json", `{"a":2,"b":3}`, events.AttemptFinished_SUCCEEDED, "5", "application/json", "", ""},
		{"json", `nonsense`, events.AttemptFinished_FAILED_FINALLY, "", "", "BAD_PAYLOAD", ""},
		{"other", "", events.AttemptFinished_REFUSED, "", "", "KIND_UNHANDLED", `no handler for kind "other"`},
	} {
		token := r.s.assign(&events.Task{Id: c.kind, Kind: c.kind, Payload: []byte(c.payload)})
		f := next[*events.AttemptFinished](t, r.s)
		if f.Token != token || f.TaskId != c.kind || f.EngineId != "e1" || f.Outcome != c.outcome || string(f.Result) != c.result ||
			f.ResultType != c.typ || f.GetError().GetCode() != c.code || c.message != "" && f.GetError().GetMessage() != c.message {
			t.Errorf("%s: reported %v", c.kind, f)
		}
	}
	r.drain()
	r.end(t)
}

func TestRegistrationCarriesAll(t *testing.T) {
	noop := func(context.Context, *Task) ([]byte, error) { return nil, nil }
	r := start(t, Config{
		Site: "ams", Labels: map[string]any{"disk": "ssd", "gpus": 2}, Allocatable: map[string]int64{"slots": 3},
	}, map[string]Handler{"b": noop, "a": noop})
	r.s.mu.Lock()
	got := proto.CloneOf(r.s.engine)
	r.s.mu.Unlock()
	if len(got.Incarnation) != 36 {
		t.Errorf("registered incarnation %q, want a UUID", got.Incarnation)
	}
	want := &events.Engine{
		Id: "e1", Pool: "blue", Site: "ams", Incarnation: got.Incarnation, Kinds: []string{"a", "b"},
		Labels:               map[string]*structpb.Value{"disk": structpb.NewStringValue("ssd"), "gpus": structpb.NewNumberValue(2)},
		Allocatable:          map[string]int64{"slots": 3},
		AssignmentsPartition: events.EnginePartition("e1"), AssignmentsFrom: 0,
	}
	if !proto.Equal(got, want) {
		t.Errorf("registered %v, want %v", got, want)
	}
}

func TestTaskCarriesTraceAndProgress(t *testing.T) {
	seen := make(chan trace.SpanContext, 1)
	r := start(t, Config{JSON: true}, map[string]Handler{"work": func(ctx context.Context, t *Task) ([]byte, error) {
		seen <- trace.SpanContextFromContext(ctx)
		return nil, t.Progress(ctx, []byte("half"))
	}})
	const traceID = "4bf92f3577b34da6a3ce929d0e0e4736"
	r.s.assign(&events.Task{Id: "t", Kind: "work", Traceparent: "00-" + traceID + "-00f067aa0ba902b7-01"})
	if got := await(t, "the trace", seen).TraceID().String(); got != traceID {
		t.Errorf("the handler's trace is %s, want %s", got, traceID)
	}
	if p := next[*events.AttemptProgressed](t, r.s); string(p.Data) != "half" {
		t.Errorf("progress is %q", p.Data)
	}
	next[*events.AttemptFinished](t, r.s)
}

func TestCancelStopsTheHandler(t *testing.T) {
	entered, causes := make(chan string, 1), make(chan error, 1)
	r := start(t, Config{}, map[string]Handler{
		"wait": func(ctx context.Context, t *Task) ([]byte, error) {
			_, err := held(entered)(ctx, t)
			causes <- err
			return nil, errors.Join(err, t.Progress(context.Background(), nil))
		},
		"noop": func(context.Context, *Task) ([]byte, error) { return nil, nil },
	})
	token := r.s.assign(&events.Task{Id: "t", Kind: "wait"})
	await(t, "the handler", entered)
	r.s.publish(&events.TaskCancelled{TaskId: "t", Pool: "blue", EngineId: "e1", Token: token})
	if err := await(t, "the cause", causes); !errors.Is(err, ErrCancelled) {
		t.Errorf("the handler's context ended by %v", err)
	}
	r.s.assign(&events.Task{Id: "u", Kind: "noop"})
	for {
		m := await(t, "a report", r.s.reports)
		if f, ok := m.(*events.AttemptFinished); ok {
			if f.TaskId != "u" {
				t.Errorf("a cancelled attempt was reported: %v", f)
			}
			return
		}
	}
}

func TestTimeoutIsReported(t *testing.T) {
	r := start(t, Config{}, map[string]Handler{"wait": held(make(chan string, 1))})
	r.s.assign(&events.Task{Id: "t", Kind: "wait", ExecutionTimeoutMs: 20})
	if f := next[*events.AttemptFinished](t, r.s); f.Outcome != events.AttemptFinished_FAILED || f.Error.Code != "TIMEOUT" {
		t.Errorf("reported %v", f)
	}
}

func TestDrain(t *testing.T) {
	entered := make(chan string, 2)
	release := make(chan struct{})
	r := start(t, Config{Grace: 3 * time.Second}, map[string]Handler{
		"wait": held(entered),
		"soon": func(context.Context, *Task) ([]byte, error) { entered <- "soon"; <-release; return nil, nil },
	})
	r.s.assign(&events.Task{Id: "long", Kind: "wait"})
	r.s.assign(&events.Task{Id: "short", Kind: "soon"})
	await(t, "a handler", entered)
	await(t, "a handler", entered)
	r.drain()
	want := map[string]bool{"leaving false": true, "short SUCCEEDED": true, "long RETURNED": true, "leaving true": true}
	last := ""
	for len(want) > 0 {
		switch m := await(t, "a report", r.s.reports).(type) {
		case *events.EngineLeaving:
			last = fmt.Sprintf("leaving %v", m.Departed)
			if !m.Departed {
				close(release)
			}
		case *events.AttemptFinished:
			last = m.TaskId + " " + m.Outcome.String()
		case *events.AttemptStarted:
			continue
		}
		if !want[last] {
			t.Fatalf("reported %q; still expected: %v", last, want)
		}
		delete(want, last)
	}
	if last != "leaving true" {
		t.Errorf("the last report was %q", last)
	}
	r.end(t)
}

func TestLostLeaseBeginsANewLife(t *testing.T) {
	entered, causes := make(chan string, 1), make(chan error, 1)
	r := start(t, Config{TTL: 3 * time.Second}, map[string]Handler{"wait": func(ctx context.Context, t *Task) ([]byte, error) {
		_, err := held(entered)(ctx, t)
		causes <- err
		return nil, err
	}})
	r.s.assign(&events.Task{Id: "t", Kind: "wait"})
	await(t, "the handler", entered)
	r.m.set(func(m *memory) { m.cut = true })
	if err := await(t, "the cause", causes); !errors.Is(err, ErrLost) {
		t.Errorf("the handler's context ended by %v", err)
	}
	r.m.set(func(m *memory) { m.cut = false })
	await(t, "a new registration", r.s.lives)
	r.s.assign(&events.Task{Id: "u", Kind: "wait"})
	if id := await(t, "the handler", entered); id != "u" {
		t.Errorf("task %s runs", id)
	}
}

func TestAnotherOfTheSameIDEndsIt(t *testing.T) {
	r := start(t, Config{}, map[string]Handler{"wait": held(make(chan string, 1))})
	r.s.publish(&events.EngineRegistered{Engine: &events.Engine{Id: "e1", Pool: "blue", Incarnation: "ffff"}})
	if err := await(t, "Run to return", r.ended); err == nil || !strings.Contains(err.Error(), "e1") {
		t.Errorf("Run returned %v", err)
	}
}

func TestResultThatTheBrokerRefuses(t *testing.T) {
	r := start(t, Config{}, map[string]Handler{"big": func(context.Context, *Task) ([]byte, error) { return make([]byte, 4096), nil }})
	r.m.set(func(m *memory) { m.refuse = 1024 })
	r.s.assign(&events.Task{Id: "t", Kind: "big"})
	if f := next[*events.AttemptFinished](t, r.s); f.Outcome != events.AttemptFinished_FAILED_FINALLY || f.Error.Code != codeResultRefused {
		t.Errorf("reported %v", f)
	}
}

func TestCloseIsWithoutGrace(t *testing.T) {
	entered := make(chan string, 1)
	r := start(t, Config{Grace: time.Hour}, map[string]Handler{"wait": held(entered)})
	r.s.assign(&events.Task{Id: "t", Kind: "wait"})
	await(t, "the handler", entered)
	r.Close()
	r.Close()
	r.end(t)
	for {
		if f, ok := await[proto.Message](t, "the attempt", r.s.reports).(*events.AttemptFinished); ok {
			if f.Outcome != events.AttemptFinished_RETURNED {
				t.Errorf("reported %v", f)
			}
			return
		}
	}
}
