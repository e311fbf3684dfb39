package client

import (
	"context"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
)

// connection is a broker by way of a cluster.
type connection struct {
	client     *kafka.Client
	producer   *kafka.Producer
	guard      *mirrored.Guard
	disconnect func()
}

func dial(cfg Config) (broker, error) {
	c, disconnect := cfg.Cluster, func() {}
	if c == nil {
		var err error
		if c, err = cluster.Open(cluster.Config{Brokers: cfg.Brokers, ClientID: "spanway-client", Logger: cfg.Logger}); err != nil {
			return nil, err
		}
		disconnect = c.Close
	}
	return &connection{
		client: c.Kafka(), producer: c.Kafka().Producer(kafka.ProducerOptions{}), disconnect: disconnect,
		guard: c.Guard(cfg.Prefix, events.Topics{Prefix: cfg.Prefix}.Events()),
	}, nil
}

func (c *connection) Log(topic string, partition int32) eventlog.Log {
	return mirrored.Of(c.client.Partition(topic, partition))
}

func (c *connection) Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	return c.client.Offsets(ctx, topic, partition)
}

func (c *connection) Topics(ctx context.Context, prefix string) ([]TopicInfo, error) {
	found, err := c.client.Topics(ctx, prefix)
	out := make([]TopicInfo, len(found))
	for i, t := range found {
		out[i] = TopicInfo{Name: t.Name, Partitions: t.Partitions}
	}
	return out, err
}

func (c *connection) Hidden(ctx context.Context, topic string) error {
	return c.client.Hidden(ctx, []string{topic})[topic]
}

func (c *connection) Writable(ctx context.Context, partition int32) error {
	return c.guard.Writable(ctx, partition)
}

func (c *connection) Send(ctx context.Context, topic string, partition int32, r events.Record, done func(int64, error)) {
	c.producer.Send(ctx, topic, partition, r, done)
}

func (c *connection) board() *trouble.Board { return c.client.Board() }

func (c *connection) Close(ctx context.Context) error {
	err := c.producer.Close(ctx)
	c.disconnect()
	return err
}
