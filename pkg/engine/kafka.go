package engine

import (
	"context"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
)

// WithCluster makes the engine use a connection that others use too, in place of
// Config.Brokers. The engine does not close it.
func WithCluster(c *cluster.Cluster) Option {
	return func(e *Engine) {
		e.config.Brokers = c.Brokers()
		e.connect = func() (transport, error) { return newBroker(c, e.config, func() {}), nil }
	}
}

// broker is the transport on Kafka.
type broker struct {
	client      *kafka.Client
	disconnect  func()
	guard       *mirrored.Guard
	topics      events.Topics
	read, write int32 // partitions of assignments and reports
	assignments *kafka.Partition
	producer    *kafka.Producer
}

func dialKafka(c Config) (transport, error) {
	own, err := cluster.Open(cluster.Config{Brokers: c.Brokers, ClientID: "spanway-engine-" + c.ID, Logger: c.Logger})
	if err != nil {
		return nil, err
	}
	return newBroker(own, c, own.Close), nil
}

func newBroker(on *cluster.Cluster, c Config, disconnect func()) *broker {
	client, topics := on.Kafka(), events.Topics{Prefix: c.Prefix}
	b := &broker{
		guard:  on.Guard(c.Prefix, topics.Events()),
		client: client, disconnect: disconnect, topics: topics,
		read: events.EnginePartition(events.EngineID(c.ID)), write: events.PoolPartition(events.Pool(c.Pool)),
		// What was done while the broker is away is reported when it is back,
		// however late: often the scheduler was away as long, and takes it.
		producer: client.Producer(kafka.ProducerOptions{Forever: true}),
	}
	b.assignments = client.Partition(b.topics.Assignments(), b.read)
	return b
}

// End is asked for before anything is written: where the topics are copies it is refused.
func (b *broker) End(ctx context.Context) (int64, error) {
	_, end, err := b.client.Offsets(ctx, b.topics.Assignments(), b.read)
	if err == nil {
		err = b.guard.Writable(ctx, b.write)
	}
	return end, err
}

func (b *broker) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	page, err := b.assignments.Fetch(ctx, from, wait)
	start, end, outside := eventlog.OutOfRange(err)
	if !outside {
		return page, err
	}
	// What is not kept any more was sent hours ago; its attempts were placed
	// again since. Beyond the end, the partition was made anew.
	next := end
	if from < start {
		next = start
	}
	return events.Page{Next: next, Start: start, End: end}, nil
}

func (b *broker) board() *trouble.Board { return b.client.Board() }

func (b *broker) Send(ctx context.Context, r events.Record, done func(int64, error)) {
	b.producer.Send(ctx, b.topics.Reports(), b.write, r, done)
}

func (b *broker) Flush(ctx context.Context) error { return b.producer.Flush(ctx) }

func (b *broker) Close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel() // What can be flushed was.
	_ = b.producer.Close(ctx)
	b.disconnect()
}
