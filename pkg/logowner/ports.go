package logowner

import (
	"context"
	"math"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Cluster is what owners need of a Kafka cluster; On makes it of a cluster.Cluster.
// It is safe for concurrent use.
type Cluster interface {
	// Partition is one partition of a topic as a log. Each call makes a log with a
	// producer of its own.
	Partition(topic string, partition int32) eventlog.Log
	// Producer makes a producer, for the use of one owner.
	Producer() Producer
	// Ensure creates the topics that are missing and verifies all of them. The
	// warnings say where they are not fit for production.
	Ensure(ctx context.Context, topics []events.TopicSpec) (warnings []string, err error)
	// Join is a member of a consumer group on one topic until ctx ends. For each
	// generation of the group it calls run with the partitions that this member is
	// given, maybe none; run returns soon after its ctx ends.
	Join(ctx context.Context, group, topic string, run func(ctx context.Context, generation int32, partitions []int32)) error
	// DeleteRecords deletes what a partition holds below an offset.
	DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error
}

// Producer appends records to many partitions: those of one partition in order, one
// batch in flight, tried until they are acknowledged, refused, or the producer is
// closed. Nothing overtakes a record that is still tried.
type Producer interface {
	// Send queues a record and never blocks: what is under way is bounded by its
	// user. done is called once, from any goroutine, with the record's offset or
	// an error; it must not block.
	Send(topic string, partition int32, rec events.Record, done func(offset int64, err error))
	// Close ends all that is under way when ctx ends, and returns when no more done
	// will be called. It may be called more than once.
	Close(ctx context.Context) error
}

// On gives owners a connection to a cluster. It must be closed after them.
func On(c *cluster.Cluster) Cluster { return onKafka{c, c.Kafka()} }

type onKafka struct {
	cluster *cluster.Cluster
	client  *kafka.Client
}

func (k onKafka) Partition(topic string, partition int32) eventlog.Log {
	return k.client.Partition(topic, partition)
}

func (k onKafka) Producer() Producer {
	return unbounded{k.client.Producer(kafka.ProducerOptions{Forever: true, Buffer: math.MaxInt})}
}

// Writable returns a *eventlog.ReadOnlyError if any partition of a log is a copy.
func (k onKafka) Writable(ctx context.Context, log string) error {
	return k.cluster.Guard(log, log).Writable(ctx, -1)
}

// Partitions is how many partitions a topic has; 0 if there is none of that name.
func (k onKafka) Partitions(ctx context.Context, topic string) (int32, error) {
	return k.client.Partitions(ctx, topic)
}

// Board has what owners try again besides what the connection itself does.
func (k onKafka) Board() *trouble.Board { return k.client.Board() }

// unbounded sends for as long as it takes: what bounds a record is its producer's end.
type unbounded struct{ *kafka.Producer }

func (u unbounded) Send(topic string, partition int32, rec events.Record, done func(offset int64, err error)) {
	u.Producer.Send(context.Background(), topic, partition, rec, done)
}

func (k onKafka) Ensure(ctx context.Context, topics []events.TopicSpec) ([]string, error) {
	return k.client.Ensure(ctx, topics)
}

func (k onKafka) Join(ctx context.Context, group, topic string, run func(context.Context, int32, []int32)) error {
	return k.client.Join(ctx, group, topic, func(ctx context.Context, g *kafka.Generation) { run(ctx, g.ID, g.Partitions) })
}

func (k onKafka) DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error {
	return k.client.DeleteRecords(ctx, topic, partition, before)
}
