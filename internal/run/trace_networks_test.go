package run

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
	asking "github.com/spanway/spanway/pkg/networks"
)

// realised collects the spans of a trace until its change is realised at each site, and what was
// sent for that has been acknowledged.
func (e ended) realised(t *testing.T, of trace.TraceID, sites ...string) (spans []sdktrace.ReadOnlySpan) {
	t.Helper()
	at, sent := map[string]bool{}, 0
	for len(at) < len(sites) || sent < 2*len(sites) { // Assignments and reports of each.
		select {
		case s := <-e:
			if s.SpanContext().TraceID() != of {
				continue
			}
			spans = append(spans, s)
			switch s.Name() {
			case "realise":
				at[attributeOf(s, messaging.NetworkSite)] = true
			case "send spanway.tasks.assignments", "send spanway.engines.reports":
				sent++
			}
		case <-time.After(time.Minute):
			t.Fatalf("realised at %v; spans: %v", slices.Sorted(maps.Keys(at)), spanNames(spans))
		}
	}
	return spans
}

func attributeOf(s sdktrace.ReadOnlySpan, key attribute.Key) string {
	for _, a := range s.Attributes() {
		if a.Key == key {
			return a.Value.AsString()
		}
	}
	return ""
}

func spanNames(spans []sdktrace.ReadOnlySpan) map[string]int {
	names := map[string]int{}
	for _, s := range spans {
		names[s.Name()]++
	}
	return names
}

// One trace leads from the apply to what was realised at each site, over all clusters: each of its
// spans is a child of another one of it. What is mended later is in none, and whoever takes the logs
// over makes none of what is in them.
func TestOneTraceFromApplyToRealised(t *testing.T) {
	spans := make(ended, 10_000)
	before := otel.GetTracerProvider()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))
	otel.SetTracerProvider(provider)
	defer otel.SetTracerProvider(before)
	cfg := Config{DataDir: t.TempDir(), Sites: []string{"ams", "fra"}, Engines: 1, Logger: slog.New(slog.DiscardHandler)}
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	c, err := asking.New(asking.Config{Cluster: s.Cluster()})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range cfg.Sites {
		if err := c.AddSite(t.Context(), network.Site{Name: name}); err != nil {
			t.Fatal(err)
		}
	}
	apply := func(ctx context.Context, path string) {
		t.Helper()
		if _, err := c.Apply(ctx, &events.NetworkChangeRequested{Objects: []*events.NetworkObject{{
			Path: path, Span: &events.NetworkSpan{Sites: cfg.Sites}, Spec: &events.NetworkObject_Network{Network: &events.Network{}},
		}}}); err != nil {
			t.Fatal(err)
		}
	}
	apply(t.Context(), "/networks/before") // The full syncs of new sites are of no trace.
	for _, name := range cfg.Sites {
		realisedAt(t, s, name, "networks/before/network.json", true)
	}
	ctx, root := provider.Tracer("test").Start(t.Context(), "apply")
	apply(ctx, "/networks/shop")
	root.End()
	all := spans.realised(t, root.SpanContext().TraceID(), cfg.Sites...)
	names, known := spanNames(all), map[trace.SpanID]bool{}
	for _, s := range all {
		known[s.SpanContext().SpanID()] = true
	}
	for _, s := range all {
		if !known[s.Parent().SpanID()] && s.SpanContext().SpanID() != root.SpanContext().SpanID() {
			t.Errorf("the parent of %s is not in the trace", s.Name())
		}
	}
	for name, want := range map[string]int{
		"apply": 1, "send spanway.network.requests": 1, "process spanway.network.requests": 1,
		"send spanway.network.inbox": 2, "process spanway.network.inbox": 2, "process spanway.tasks.requests": 2,
		"process spanway.tasks.assignments": 2, "realise": 2,
	} {
		if names[name] != want {
			t.Errorf("there are %d spans %q, want %d", names[name], name, want)
		}
	}
	s.Stop()
	for len(spans) > 0 {
		<-spans
	}
	if s, err = Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	realisedAt(t, s, "fra", "networks/shop/network.json", true)
	for len(spans) > 0 {
		if s := <-spans; s.SpanContext().TraceID() == root.SpanContext().TraceID() {
			t.Errorf("there is a span %q of what was folded", s.Name())
		}
	}
}
