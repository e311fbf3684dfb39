package client

import (
	"context"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// cluster is a broker by way of package kafka.
type cluster struct {
	client   *kafka.Client
	producer *kafka.Producer
}

func dial(cfg Config) broker {
	c := kafka.New(kafka.Config{Brokers: cfg.Brokers, ClientID: "spanway-client"})
	return &cluster{client: c, producer: c.Producer(kafka.ProducerOptions{})}
}

func (c *cluster) Log(topic string, partition int32) eventlog.Log {
	return c.client.Partition(topic, partition)
}

func (c *cluster) Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error) {
	return c.client.Offsets(ctx, topic, partition)
}

func (c *cluster) Topics(ctx context.Context, prefix string) ([]TopicInfo, error) {
	found, err := c.client.Topics(ctx, prefix)
	out := make([]TopicInfo, len(found))
	for i, t := range found {
		out[i] = TopicInfo{Name: t.Name, Partitions: t.Partitions}
	}
	return out, err
}

func (c *cluster) Send(topic string, partition int32, r events.Record, done func(int64, error)) {
	c.producer.Send(topic, partition, r, done)
}

func (c *cluster) Close(ctx context.Context) error {
	err := c.producer.Close(ctx)
	c.client.Close()
	return err
}
