package watermillkafka_test

import (
	"context"
	"testing"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
)

// The lag grows while a handler is stuck, and is gone when all is acknowledged.
func TestLag(t *testing.T) {
	reader := metric.NewManualReader()
	before := otel.GetMeterProvider()
	otel.SetMeterProvider(metric.NewMeterProvider(metric.WithReader(reader)))
	t.Cleanup(func() { otel.SetMeterProvider(before) })
	lag := func() (values map[string]int64) {
		var all metricdata.ResourceMetrics
		if err := reader.Collect(context.Background(), &all); err != nil {
			t.Fatal(err)
		}
		values = map[string]int64{}
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				if g, ok := m.Data.(metricdata.Gauge[int64]); ok && m.Name == "messaging.kafka.consumer.lag" {
					for _, p := range g.DataPoints {
						group, _ := p.Attributes.Value(attribute.Key("messaging.consumer.group.name"))
						partition, _ := p.Attributes.Value(attribute.Key("messaging.destination.partition.id"))
						values[group.AsString()+"/"+partition.AsString()] = p.Value
					}
				}
			}
		}
		return values
	}
	c := newCluster(t, 1)
	c.publish(0, 3)
	messages := c.subscribe(c.subscriber())
	m := receive(t, messages)
	eventually(t, "the lag is 3", func() bool { return lag()["g/0"] == 3 })
	c.publish(3, 2)
	eventually(t, "what is read ahead counts", func() bool { return lag()["g/0"] == 5 })
	c.publish(5, 2) // which is not read while the handler is stuck
	eventually(t, "the lag of a stuck handler grows", func() bool { return lag()["g/0"] == 7 })
	m.Ack()
	expect(t, messages, 1, 6)
	eventually(t, "the lag is gone", func() bool { return lag()["g/0"] == 0 })
}
