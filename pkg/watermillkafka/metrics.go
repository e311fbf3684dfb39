package watermillkafka

import (
	"context"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/internal/telemetry/messaging"
)

const scope = "github.com/spanway/spanway/pkg/watermillkafka"

// observeLag reports, whenever metrics are collected, how many records each
// partition of s has that are not acknowledged. What is sent and what is read the
// Kafka client counts.
func (s *Subscriber) observeLag() (stop func()) {
	maker := instruments.On(otel.Meter(scope))
	gauge := maker.Gauge(instruments.ConsumerLag)
	stop = maker.Observe(func(_ context.Context, o metric.Observer) error {
		for _, w := range s.workers() {
			o.ObserveInt64(gauge, w.lag(), messaging.Consumer(w.in.topic, w.partition, s.config.ConsumerGroup))
		}
		return nil
	}, gauge)
	if err := maker.Err(); err != nil {
		otel.Handle(err)
	}
	return stop
}
