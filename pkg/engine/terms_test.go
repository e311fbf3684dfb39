package engine

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// gauge is a monitor of figures that a test sends.
type gauge chan map[string]int64

func (g gauge) Used() map[string]int64 {
	select {
	case used := <-g:
		g <- used
		return used
	default:
		return nil
	}
}

func TestTermsAreRegisteredAndUseIsReported(t *testing.T) {
	g := make(gauge, 1)
	g <- map[string]int64{"memory_bytes": 1 << 20, "cpu_millis": 5}
	r := start(t, Config{
		Allocatable: map[string]int64{"slots": 1, "memory_bytes": 1 << 30},
		Terms:       Terms{Accepts: `task.tenant == "a"`, Node: "host-7", Monitor: g},
	}, map[string]Handler{"noop": held(nil)})
	if e := r.s.engine; e.Accepts != `task.tenant == "a"` || e.Node != "host-7" {
		t.Errorf("registered as %v", e)
	}
	for {
		if used := await(t, "a heartbeat with what is used", r.s.beats).Used; len(used) > 0 {
			if len(used) != 1 || used["memory_bytes"] != 1<<20 {
				t.Errorf("used is %v, want only what the engine offers", used)
			}
			break
		}
	}
	<-g
	for len(await(t, "a heartbeat without", r.s.beats).Used) > 0 { // What cannot be measured any more is not repeated.
	}
	r.drain()
	r.end(t)
}

func TestARefusedRegistrationEndsRun(t *testing.T) {
	m := newMemory()
	e, err := New(Config{Brokers: []string{"memory"}, ID: "e1", Pool: "blue", Terms: Terms{Accepts: "task.priority"}},
		func(e *Engine) { e.connect = func() (transport, error) { return connect(m, e), nil } })
	if err != nil {
		t.Fatal(err)
	}
	e.Handle("noop", held(nil))
	s := newScheduler(t, m, "blue")
	s.refusal = &events.EngineRegistrationRefused{Code: string(events.CodeBadPredicate), Message: "accepts: line 1, column 5: not Boolean"}
	err = e.Run(context.Background())
	if err == nil || !strings.Contains(err.Error(), "BAD_PREDICATE") || !strings.Contains(err.Error(), "not Boolean") {
		t.Errorf("Run returned %v", err)
	}
}

func TestOutputAndProgressCarryTheirTypes(t *testing.T) {
	refused := make(chan error, 1)
	r := start(t, Config{}, map[string]Handler{"talk": func(ctx context.Context, t *Task) ([]byte, error) {
		for _, do := range []func() error{
			func() error { return t.ProgressAs(ctx, "text/plain", []byte("half")) },
			func() error { return t.Output(ctx, Stdout, []byte("out\n")) },
			func() error { return t.Output(ctx, Stderr, []byte("err\n")) },
			func() error { return t.Output(ctx, Stdout, nil) },
		} {
			if err := do(); err != nil {
				return nil, err
			}
		}
		refused <- t.Output(ctx, "text/plain", []byte("x"))
		if err := t.Progress(ctx, make([]byte, events.MaxProgressBytes+1)); err == nil {
			refused <- nil
		}
		return []byte("done"), nil
	}})
	r.s.assign(&events.Task{Id: "t1", Kind: "talk"})
	for _, want := range []*events.AttemptProgressed{
		{Data: []byte("half"), DataType: "text/plain"},
		{Data: []byte("out\n"), DataType: events.ContentStdout},
		{Data: []byte("err\n"), DataType: events.ContentStderr},
	} {
		got := next[*events.AttemptProgressed](t, r.s)
		want.TaskId, want.Pool, want.EngineId, want.Incarnation, want.Attempt, want.Token = got.TaskId, got.Pool, got.EngineId, got.Incarnation, 1, 1
		if !proto.Equal(got, want) {
			t.Errorf("reported %v, want %v", got, want)
		}
	}
	if f := next[*events.AttemptFinished](t, r.s); string(f.Result) != "done" {
		t.Errorf("ended as %v", f)
	}
	if err := await(t, "the refusal", refused); err == nil || !strings.Contains(err.Error(), `"text/plain"`) || len(refused) > 0 {
		t.Errorf("another stream, or too much progress, was taken: %v", err)
	}
	if err := (&Task{ID: "x"}).Output(t.Context(), Stdout, []byte("x")); err == nil {
		t.Error("a task of nobody has output")
	}
}
