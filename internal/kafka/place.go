package kafka

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"

	"github.com/spanway/spanway/internal/telemetry/instruments"
	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/events"
)

// Place names the partition together with the ID of its cluster, which is asked for once.
// A cluster that has no ID gives an error.
func (p *Partition) Place(ctx context.Context) (events.ClusterPartition, error) {
	at := events.ClusterPartition{Topic: p.topic, Partition: p.id}
	if id, ok := p.client.cluster.Load().(string); ok {
		at.Cluster = id
		return at, nil
	}
	err := p.client.persist(ctx, "ask for the ID of the cluster", needs{}, func() error {
		m, err := p.client.metadata(ctx)
		if err == nil {
			at.Cluster = m.ClusterID
		}
		return err
	})
	if err == nil && at.Cluster == "" {
		err = errors.New("ask for the ID of the cluster: it has none; without it copies of other clusters cannot be told from other records")
	}
	if err == nil {
		p.client.cluster.Store(at.Cluster)
	}
	return at, err
}

// Strangers counts records of a copy that do not count, because they are not of the log
// that it is a copy of.
func (p *Partition) Strangers(n int) {
	p.client.strangers.Add(context.Background(), int64(n), metric.WithAttributes(semconv.MessagingDestinationName(p.topic), messaging.Partition(p.id)))
}

// newStrangers makes the counter of Strangers; without it nothing is counted.
func newStrangers(m metric.Meter) metric.Int64Counter {
	maker := instruments.On(m)
	c := maker.Counter(instruments.MirrorStrangers)
	if err := maker.Err(); err != nil {
		otel.Handle(err)
	}
	return c
}
