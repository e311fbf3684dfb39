package queue_test

import (
	"context"
	"fmt"
	"maps"
	"testing"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue"
)

// What keeps queues measures how much they hold, how full they are, and since when their first
// entry is there, whoever wrote it.
func TestKeepMeasures(t *testing.T) {
	c, ctx := broker(t), within(t)
	reader := sdk.NewManualReader()
	options := quiet
	options.Meter = sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test")
	keeping, stop := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() { defer close(kept); queue.Keep(keeping, c, options) }()
	defer func() { stop(); <-kept }()

	q := create(t, c, "q", queue.Rules{MaxEntries: 4})
	awaitMeasured(ctx, t, reader, map[string]float64{"entries": 0, "claimed": 0, "size": 0, "fullness": 0, "head.age": 0})
	r, err := sharedlog.Encode(events.Encoder{Source: "/test"}, sharedlog.CallID{1}, 1, &events.QueueEnqueued{Id: "old"})
	if err != nil {
		t.Fatal(err)
	}
	r.Timestamp = time.Now().Add(-2 * time.Hour).UnixMilli()
	if _, err := c.Partition("spanway.queue.q", 0).Append(ctx, []events.Record{r}); err != nil {
		t.Fatal(err)
	}
	if _, err := q.Claim(ctx, queue.Request{Lease: time.Hour, Wait: true}); err != nil {
		t.Fatal(err)
	}
	enqueue(t, q, "b", "c")
	awaitMeasured(ctx, t, reader, map[string]float64{"entries": 3, "claimed": 1, "size": 29, "fullness": .75, "head.age": 2})
	if err := q.Remove(ctx, "old", ""); err != nil {
		t.Fatal(err)
	}
	awaitMeasured(ctx, t, reader, map[string]float64{"entries": 2, "claimed": 0, "size": 26, "fullness": .5, "head.age": 0})
}

// awaitMeasured waits until the metrics of the only queue are these: its age in hours.
func awaitMeasured(ctx context.Context, t *testing.T, reader sdk.Reader, want map[string]float64) {
	t.Helper()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		var all metricdata.ResourceMetrics
		if err := reader.Collect(ctx, &all); err != nil {
			t.Fatal(err)
		}
		got := map[string]float64{}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				var name string
				if _, err := fmt.Sscanf(m.Name, "spanway.queue.%s", &name); err != nil {
					continue
				}
				switch d := m.Data.(type) {
				case metricdata.Gauge[int64]:
					got[name] = float64(d.DataPoints[0].Value)
				case metricdata.Gauge[float64]:
					got[name] = d.DataPoints[0].Value
				}
			}
		}
		got["head.age"] = float64(int(got["head.age"] / 3600))
		if maps.Equal(got, want) {
			return
		}
		select {
		case <-again.C:
		case <-ctx.Done():
			t.Fatalf("there is %v, want %v", got, want)
		}
	}
}
