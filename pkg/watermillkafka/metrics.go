package watermillkafka

import (
	"context"
	"strconv"
	"sync"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

// The names are those of OpenTelemetry's conventions for messaging, which have
// none for the lag.
const (
	scope            = "github.com/spanway/spanway/pkg/watermillkafka"
	sentMessages     = "messaging.client.sent.messages"
	consumedMessages = "messaging.client.consumed.messages"
	lagMessages      = "messaging.kafka.consumer.lag"
)

// counter counts messages by topic.
type counter struct {
	of     metric.Int64Counter
	topics sync.Map // what is added with, by topic; making it takes longer than counting
}

func newCounter(name string) *counter {
	c, err := otel.Meter(scope).Int64Counter(name, metric.WithUnit("{message}"))
	if err != nil {
		otel.Handle(err) // c counts nothing then
	}
	return &counter{of: c}
}

func (c *counter) add(topic string, n int) {
	with, known := c.topics.Load(topic)
	if !known {
		with, _ = c.topics.LoadOrStore(topic, metric.WithAttributeSet(attribute.NewSet(
			attribute.String("messaging.system", "kafka"), attribute.String("messaging.destination.name", topic))))
	}
	c.of.Add(context.Background(), int64(n), with.(metric.MeasurementOption))
}

// observeLag reports, whenever metrics are collected, how many records each
// partition of s has that are not acknowledged.
func (s *Subscriber) observeLag() (stop func()) {
	meter := otel.Meter(scope)
	gauge, err := meter.Int64ObservableGauge(lagMessages, metric.WithUnit("{message}"),
		metric.WithDescription("Records in the partition that are not acknowledged."))
	if err != nil {
		otel.Handle(err)
		return func() {}
	}
	r, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, w := range s.workers() {
			o.ObserveInt64(gauge, w.lag(), metric.WithAttributes(
				attribute.String("messaging.system", "kafka"),
				attribute.String("messaging.destination.name", w.in.topic),
				attribute.String("messaging.destination.partition.id", strconv.Itoa(int(w.partition))),
				attribute.String("messaging.consumer.group.name", s.config.ConsumerGroup),
			))
		}
		return nil
	}, gauge)
	if err != nil {
		otel.Handle(err)
		return func() {}
	}
	return func() {
		if err := r.Unregister(); err != nil {
			otel.Handle(err)
		}
	}
}
