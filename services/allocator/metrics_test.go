package allocator

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	sdk "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
)

// Partitions whose hosts have not begun hold a scrape up for a second together, not for a
// second each, and what the others tell is told.
func TestHostsThatHaveNotBegunHoldNoScrapeUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reader := sdk.NewManualReader()
		m, err := newMetrics(sdk.NewMeterProvider(sdk.WithReader(reader)).Meter("test"))
		if err != nil {
			t.Fatal(err)
		}
		partitions := map[int32]*partition{}
		for n := range int32(8) {
			log := memlog.New()
			partitions[n] = &partition{host: sharedlog.NewHost(sharedlog.Config{
				Log: log, Reads: log, Topic: "t", Partition: n, Encoder: events.Encoder{Source: "/test"},
				NewCore: func() sharedlog.Core { return idspace.New() },
			})}
		}
		ctx, stop := context.WithCancel(t.Context())
		hosted := make(chan error, 1)
		go func() { hosted <- partitions[5].host.Run(ctx) }()
		defer func() { stop(); <-hosted }()
		if v, err := partitions[5].host.Call(ctx, &events.IdsSpaceDeclared{Space: "spi", From: 1, To: 100, MaxCount: 1}, nil); err != nil || !v.Accepted() {
			t.Fatal(v, err)
		}
		defer m.observe(partitions, time.Now)()
		began := time.Now() // The time is virtual.
		var all metricdata.ResourceMetrics
		if err := reader.Collect(ctx, &all); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took > time.Second {
			t.Errorf("a scrape took %v", took)
		}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				if m.Name == "spanway.allocator.space.free" {
					return
				}
			}
		}
		t.Error("nothing is told of the space of the host that runs")
	})
}
