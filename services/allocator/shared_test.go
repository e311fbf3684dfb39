package allocator_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/redistest"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// measured is a store in Redis, and how often something happened to it.
func measured(t *testing.T, c store.Config) (s *store.Redis, count func(name string) int64) {
	t.Helper()
	reader := metric.NewManualReader()
	c.Meter, c.Pause = metric.NewMeterProvider(metric.WithReader(reader)).Meter("test"), 10*time.Millisecond
	s, err := store.Open(c)
	must(t, err)
	t.Cleanup(func() { s.Close() })
	return s, func(name string) (n int64) {
		var all metricdata.ResourceMetrics
		must(t, reader.Collect(context.WithoutCancel(t.Context()), &all))
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == "spanway.allocator.store."+name {
					for _, p := range sum.DataPoints {
						n += p.Value
					}
				}
			}
		}
		return n
	}
}

func on(addr string) store.Config { return store.Config{Addrs: []string{addr}} }

// Two allocators on one space meet in Redis: each tries again what the other was before
// it with, and nothing is granted twice.
func TestRealRedisAllocatorsConflict(t *testing.T) {
	server := redistest.Start(t)
	a, ofA := measured(t, on(server.Addr()))
	b, ofB := measured(t, on(server.Addr()))
	_, c := system(t, nil, a, b)
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	seen, late := map[int64]string{}, time.Now().Add(time.Minute)
	for round := 0; ofA("conflicts") == 0 || ofB("conflicts") == 0; round++ {
		if time.Now().After(late) {
			t.Fatalf("no conflicts: %d and %d changes", ofA("attempts"), ofB("attempts"))
		}
		var mu sync.Mutex
		var all sync.WaitGroup
		for i := range 32 {
			all.Go(func() {
				id := fmt.Sprintf("%d-%d", round, i)
				g, err := c.Grant(t.Context(), ids.Want{Space: "spi", RequestID: id})
				mu.Lock()
				defer mu.Unlock()
				if of, taken := seen[g.From]; err != nil || taken {
					t.Errorf("%s: %d, which has %q; %v", id, g.From, of, err)
				}
				seen[g.From] = id
			})
		}
		if all.Wait(); t.Failed() {
			return
		}
	}
	if ofA("failures")+ofB("failures") > 0 {
		t.Errorf("%d and %d failures", ofA("failures"), ofB("failures"))
	}
}

// A space that others change each time is refused once the patience has ended, and granted
// when they are gone; meanwhile it is told of, and after that it is not.
func TestRealRedisAllocatorIsContended(t *testing.T) {
	server := redistest.Start(t)
	proxy, admin := redistest.NewProxy(t, server.Addr()), server.Client()
	s, count := measured(t, on(proxy.Addr()))
	c, release := connect(t)
	t.Cleanup(release)
	a := newService(t, c, s, func(c *allocator.Config) { c.Patience, c.Reconcile = 100*time.Millisecond, 20*time.Millisecond })
	run(t, a)
	i := client(t, c)
	must(t, i.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 100}))
	proxy.BeforeExec(func() {
		if err := admin.HIncrBy(context.Background(), "spanway.ids.{spi}", "other", 1).Err(); err != nil {
			t.Error(err)
		}
	})
	_, err := i.Grant(t.Context(), ids.Want{Space: "spi", RequestID: "a"})
	refused(t, err, events.CodeStoreUnavailable)
	if count("budget_exhausted") == 0 || count("failures") > 0 {
		t.Errorf("given up %d times, %d failures", count("budget_exhausted"), count("failures"))
	}
	// Nothing waits any more, so nothing is in the way; the reconciler may not have said so yet.
	until(t, "nothing is in the way", func() bool { return a.Trouble() == nil })
	proxy.BeforeExec(nil)
	if g := granted(t, i, ids.Want{Space: "spi", RequestID: "a"}); g.From != 1 {
		t.Errorf("%+v", g)
	}
}

// Redis is away and no request comes any more: readiness says so, and says so no longer
// than it is.
func TestTroubleEnds(t *testing.T) {
	server := miniredis.RunT(t)
	c, release := connect(t)
	t.Cleanup(release)
	a := newService(t, c, opened(t, server.Addr()), func(c *allocator.Config) {
		c.Patience, c.Reconcile = 2*time.Second, 20*time.Millisecond
	})
	run(t, a)
	i := client(t, c)
	must(t, i.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 100}))
	server.SetError("LOADING Redis is loading the dataset in memory")
	_, err := i.Grant(t.Context(), ids.Want{Space: "spi", RequestID: "a"})
	refused(t, err, events.CodeStoreUnavailable)
	until(t, "readiness says why", func() bool {
		err := a.Trouble()
		return err != nil && strings.Contains(err.Error(), "LOADING")
	})
	server.SetError("")
	until(t, "nothing is in the way", func() bool { return a.Trouble() == nil })
}

// Fields and keys are evicted, overwritten, filled with nonsense: all is granted, and
// nothing twice.
func TestRealRedisIsTamperedWith(t *testing.T) {
	const key = "spanway.ids.{spi}"
	server := redistest.Start(t)
	admin := server.Client()
	a, ofA := measured(t, on(server.Addr()))
	b, ofB := measured(t, on(server.Addr()))
	_, c := system(t, func(c *allocator.Config) { c.Reconcile, c.Patience = 20*time.Millisecond, time.Minute }, a, b)
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	damage := [][]any{
		{"HDEL", key, "next"}, {"HDEL", key, "free"}, {"DEL", key}, {"FLUSHALL"},
		{"SET", key, "of others"}, {"HSET", key, "next", "1"}, {"HSET", key, "next", "nonsense"},
		{"HSET", key, "next", "4611686018427387904"}, {"HSET", key, "free", "1-16777216"}, {"HSET", key, "free", "9-1,x"},
		{"HSET", key, "r:5-20", "1-3"}, {"HSET", key, "next", "-5"},
	}
	seen := grants(t, c, 8, len(damage)*2+2, 3, func(n int) {
		if n%15 == 14 && len(damage) > 0 {
			if err := admin.Do(context.Background(), damage[0]...).Err(); err != nil && !strings.Contains(err.Error(), "WRONGTYPE") {
				t.Errorf("%v: %v", damage[0], err)
			}
			damage = damage[1:]
		}
	})
	if len(damage) > 0 {
		t.Errorf("%v were not tried", damage)
	}
	if ofA("raised")+ofB("raised") == 0 || ofA("replaced")+ofB("replaced") == 0 {
		t.Errorf("of %d identifiers, Redis was raised %d times, its key replaced %d times", len(seen), ofA("raised")+ofB("raised"), ofA("replaced")+ofB("replaced"))
	}
}

// The master is killed while ranges are granted: all go on at the replica.
func TestRealRedisSentinelFailsOver(t *testing.T) {
	w := redistest.StartWatched(t)
	watched := store.Config{Addrs: []string{w.Addr()}, Master: redistest.MasterName}
	a, _ := measured(t, watched)
	b, _ := measured(t, watched)
	_, c := system(t, func(c *allocator.Config) { c.Patience = time.Minute }, a, b)
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 1 << 24}))
	reached := make(chan struct{})
	var failing sync.WaitGroup
	failing.Go(func() {
		<-reached
		w.Master.Kill()
	})
	grants(t, c, 8, 40, 3, func(n int) {
		if n == 100 {
			close(reached)
		}
	})
	failing.Wait()
}

// The calls of Redis are in the trace of the request.
func TestRedisIsTraced(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(provider)
	defer otel.SetTracerProvider(before)
	server := miniredis.RunT(t)
	_, c := system(t, nil, opened(t, server.Addr()))
	must(t, c.Declare(t.Context(), ids.Rules{Space: "spi", From: 1, To: 100}))
	ctx, span := provider.Tracer("test").Start(t.Context(), "a caller")
	_, err := c.Grant(ctx, ids.Want{Space: "spi"})
	must(t, err)
	span.End()
	var ended map[string]sdktrace.ReadOnlySpan
	until(t, "the spans of the request and of the proposal end, in whatever order", func() bool {
		ended = map[string]sdktrace.ReadOnlySpan{}
		for _, s := range spans.Ended() {
			if s.SpanContext().TraceID() == span.SpanContext().TraceID() {
				name, _, _ := strings.Cut(s.Name(), " 127.")
				ended[name] = s
			}
		}
		return ended["process spanway.ids.requests"] != nil && ended["propose"] != nil
	})
	of := func(child, parent string) {
		if ended[child] == nil || ended[parent] == nil || ended[child].Parent().SpanID() != ended[parent].SpanContext().SpanID() {
			t.Errorf("%q is no child of %q; there are %v", child, parent, ended)
		}
	}
	of("process spanway.ids.requests", "a caller")
	of("propose", "process spanway.ids.requests")
	for _, call := range []string{"PIPELINE", "MULTI HSET"} {
		of(call, "propose")
		if s := ended[call]; s != nil && (s.SpanKind() != trace.SpanKindClient || !has(s, "db.system.name", "redis") ||
			!has(s, "db.operation.name", call) || !has(s, "db.namespace", "0") || !has(s, "server.address", "127.0.0.1")) {
			t.Errorf("%s: %v %v", call, s.SpanKind(), s.Attributes())
		}
	}
}

func has(s sdktrace.ReadOnlySpan, key, value string) bool {
	for _, a := range s.Attributes() {
		if string(a.Key) == key && a.Value.AsString() == value {
			return true
		}
	}
	return false
}
