package run

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/internal/replay"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// ended are the spans that have.
type ended chan sdktrace.ReadOnlySpan

func (e ended) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	for _, s := range spans {
		e <- s
	}
	return nil
}

func (e ended) Shutdown(context.Context) error { return nil }

// until collects the names of spans until one tells of a task's success, and those
// of sends have ended, too: their acknowledgements may be seen later.
func (e ended) until(t *testing.T) map[string]int {
	t.Helper()
	names := map[string]int{}
	for succeeded := false; ; {
		if succeeded && names["send spanway.engines.reports"] == 1 && names["send spanway.tasks.assignments"] == 1 {
			return names
		}
		select {
		case s := <-e:
			names[s.Name()]++
			for _, a := range s.Attributes() {
				succeeded = succeeded || a.Key == "spanway.task.outcome" && a.Value.AsString() == "succeeded"
			}
		case <-time.After(time.Minute):
			t.Fatalf("no task succeeded; spans: %v", names)
		}
	}
}

// A program that embeds an engine and a client brings an SDK of its own, and the
// whole trace is there. Whoever takes the log over makes no span of what is in it,
// nor does a replay: only of what it decides itself.
func TestNothingOpensOldTraces(t *testing.T) {
	spans := make(ended, 1000)
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)))
	defer otel.SetTracerProvider(before)

	cfg := Config{DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler)}
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop, c := echo(t, s), connect(t, s)
	if _, err := c.Submit(t.Context(), client.Task{ID: "later", Kind: "later"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Do(t.Context(), client.Task{ID: "done", Kind: "echo"}); err != nil {
		t.Fatal(err)
	}
	if names := spans.until(t); names["process spanway.tasks.requests"] != 2 || names["place"] != 1 || names["process spanway.tasks.assignments"] != 1 {
		t.Errorf("the spans of the first owner: %v", names)
	}
	stop()
	_ = c.Close(t.Context())
	s.Stop()
	for len(spans) > 0 {
		<-spans
	}

	if s, err = Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	replayed(t, query.New(query.Config{Logs: s.Cluster()}))
	if n := len(spans); n > 0 {
		t.Fatalf("%d spans of what was folded, the first is %q", n, (<-spans).Name())
	}
	defer later(t, s)()
	names := spans.until(t)
	delete(names, "send spanway.tasks.events")
	for _, name := range []string{
		"wait", "place", "send spanway.tasks.assignments", "process spanway.tasks.assignments",
		"send spanway.engines.reports", "process spanway.engines.reports",
	} {
		if names[name] != 1 {
			t.Errorf("%d spans %q of the task that waited, want 1", names[name], name)
		}
		delete(names, name)
	}
	if len(names) > 0 {
		t.Errorf("besides there are %v", names)
	}
}

// replayed folds the log as queries and log replay do.
func replayed(t *testing.T, q *query.Querier) {
	t.Helper()
	if _, _, err := q.Task(t.Context(), events.DefaultPool, "done"); err != nil {
		t.Fatal(err)
	}
	var r *replay.Recorder
	_, err := q.Events(t.Context(), events.DefaultPool, func(*placement.State) func(events.Logged) {
		r = replay.NewRecorder(events.DefaultPool, replay.Window{})
		return r.Apply
	})
	if err != nil {
		t.Fatal(err)
	}
	if report, err := replay.Compare(r.Recording(), replay.Scenario{}); err != nil || report.Tasks != 2 {
		t.Fatalf("replayed %+v, %v", report, err)
	}
}

// later is an engine for what has waited.
func later(t *testing.T, s *System) (stop func()) {
	t.Helper()
	e, err := engine.New(engine.Config{Brokers: s.Brokers(), ID: "later", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	e.Handle("later", func(context.Context, *engine.Task) ([]byte, error) { return nil, nil })
	done := make(chan error, 1)
	go func() { done <- e.Run(context.Background()) }()
	return func() {
		e.Close()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
