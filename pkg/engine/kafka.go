package engine

import (
	"context"
	"errors"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// WithClient makes the engine use a client that others use too and that it does
// not close. It is for programs of this module.
func WithClient(c *kafka.Client) Option {
	return func(e *Engine) {
		e.connect = func() transport {
			return &broker{client: c, producer: c.Producer(kafka.ProducerOptions{}), shared: true}
		}
	}
}

// broker is the transport on Kafka.
type broker struct {
	client   *kafka.Client
	producer *kafka.Producer
	shared   bool
}

func dialKafka(c Config) transport {
	client := kafka.New(kafka.Config{Brokers: c.Brokers, ClientID: "spanway-engine-" + c.ID})
	return &broker{client: client, producer: client.Producer(kafka.ProducerOptions{})}
}

func (b *broker) End(ctx context.Context, topic string, partition int32) (int64, error) {
	_, end, err := b.client.Offsets(ctx, topic, partition)
	return end, err
}

func (b *broker) Fetch(ctx context.Context, topic string, partition int32, from int64, wait time.Duration) (events.Page, error) {
	page, err := b.client.Partition(topic, partition).Fetch(ctx, from, wait)
	var gone *kafka.OutOfRange
	if !errors.As(err, &gone) {
		return page, err
	}
	// What is not kept any more was sent hours ago; its attempts were placed
	// again since. Beyond the end, the partition was made anew.
	next := gone.End
	if from < gone.Start {
		next = gone.Start
	}
	return events.Page{Next: next, Start: gone.Start, End: gone.End}, nil
}

func (b *broker) Send(topic string, partition int32, r events.Record, done func(int64, error)) {
	b.producer.Send(topic, partition, r, done)
}

func (b *broker) Flush(ctx context.Context) error { return b.producer.Flush(ctx) }

func (b *broker) Close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // What can be flushed was.
	_ = b.producer.Close(ctx)
	if !b.shared {
		b.client.Close()
	}
}
