package watermillkafka

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/messaging"
)

const scope = "github.com/spanway/spanway/pkg/watermillkafka"

// observeLag reports, whenever metrics are collected, how many records each
// partition of s has that are not acknowledged. What is sent and what is read the
// Kafka client counts.
func (s *Subscriber) observeLag() (stop func()) {
	meter := otel.Meter(scope)
	gauge, err := meter.Int64ObservableGauge(messaging.ConsumerLag, metric.WithUnit("{message}"),
		metric.WithDescription("Records in the partition that are not acknowledged."))
	if err != nil {
		otel.Handle(err)
		return func() {}
	}
	r, err := meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		for _, w := range s.workers() {
			o.ObserveInt64(gauge, w.lag(), messaging.Consumer(w.in.topic, w.partition, s.config.ConsumerGroup))
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
