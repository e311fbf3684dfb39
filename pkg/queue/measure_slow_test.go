package queue

import (
	"context"
	"log/slog"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// standing is a log that answers nothing.
type standing struct{ eventlog.Log }

func (standing) Fetch(ctx context.Context, _ int64, _ time.Duration) (events.Page, error) {
	<-ctx.Done()
	return events.Page{}, ctx.Err()
}

// A queue whose log answers nothing keeps nothing of what the others tell back, nor what is
// known without the log; and the age of its first entry is that of the one before.
func TestASlowQueueKeepsNothingBack(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	options := Options{Logger: slog.New(slog.DiscardHandler)}
	c, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: options.Logger})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	reader := sdk.NewManualReader()
	measuring := options
	measuring.Meter = sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
	k := &keeping{options: measuring, hosted: map[string]*hosted{}}
	defer k.measure()()
	for _, name := range []string{"a-slow", "b"} {
		if err := Create(ctx, c, name, Rules{}, options); err != nil {
			t.Fatal(err)
		}
		q, err := Open(ctx, c, name, options)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = q.Close() }()
		for range 2 {
			if _, err := q.Enqueue(ctx, Item{Payload: []byte("x")}); err != nil {
				t.Fatal(err)
			}
		}
		k.hosts(name, q)
	}
	slow := k.hosted["a-slow"]
	log := slow.reader.log
	slow.reader.log = standing{}
	told := func(want map[string][]string) {
		t.Helper()
		got := measuredOf(ctx, t, reader)
		for name, queues := range want {
			if len(got[name]) != len(queues) {
				t.Errorf("%s is told of %v, want %v", name, got[name], queues)
			}
		}
	}
	both := []string{"a-slow", "b"}
	told(map[string][]string{"spanway.queue.entries": both, "spanway.queue.claimed": both, "spanway.queue.fullness": both, "spanway.queue.head.age": both[1:]})
	slow.reader.log = log
	told(map[string][]string{"spanway.queue.head.age": both})
	first, err := slow.Entries(ctx, -1, 1, true)
	if err != nil {
		t.Fatal(err)
	}
	if err := slow.Remove(ctx, first.Entries[0].ID, ""); err != nil {
		t.Fatal(err)
	}
	slow.reader.log = standing{}
	told(map[string][]string{"spanway.queue.entries": both, "spanway.queue.head.age": both})
}

// measuredOf are the queues that each metric is told of.
func measuredOf(ctx context.Context, t *testing.T, reader sdk.Reader) map[string][]string {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &all); err != nil {
		t.Fatal(err)
	}
	out := map[string][]string{}
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch d := m.Data.(type) {
			case metricdata.Gauge[int64]:
				for _, p := range d.DataPoints {
					of, _ := p.Attributes.Value("queue")
					out[m.Name] = append(out[m.Name], of.AsString())
				}
			case metricdata.Gauge[float64]:
				for _, p := range d.DataPoints {
					of, _ := p.Attributes.Value("queue")
					out[m.Name] = append(out[m.Name], of.AsString())
				}
			}
		}
	}
	return out
}
