package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// deleteRecordsRequest asks a partition's leader to delete its beginning.
// kafka-go has no such message.
type deleteRecordsRequest struct {
	Topics        []deleteTopic `kafka:"min=v0,max=v1"`
	TimeoutMillis int32         `kafka:"min=v0,max=v1"`
}

type deleteTopic struct {
	Topic      string            `kafka:"min=v0,max=v1"`
	Partitions []deletePartition `kafka:"min=v0,max=v1"`
}

type deletePartition struct {
	Partition int32 `kafka:"min=v0,max=v1"`
	Offset    int64 `kafka:"min=v0,max=v1"`
}

func (*deleteRecordsRequest) ApiKey() protocol.ApiKey { return protocol.DeleteRecords }

// Broker routes the request to the partition's leader.
func (r *deleteRecordsRequest) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	return leaderOf(cluster, r.Topics[0].Topic, r.Topics[0].Partitions[0].Partition)
}

type deleteRecordsResponse struct {
	ThrottleMillis int32          `kafka:"min=v0,max=v1"`
	Topics         []deletedTopic `kafka:"min=v0,max=v1"`
}

type deletedTopic struct {
	Topic      string             `kafka:"min=v0,max=v1"`
	Partitions []deletedPartition `kafka:"min=v0,max=v1"`
}

type deletedPartition struct {
	Partition    int32 `kafka:"min=v0,max=v1"`
	LowWatermark int64 `kafka:"min=v0,max=v1"`
	ErrorCode    int16 `kafka:"min=v0,max=v1"`
}

func (*deleteRecordsResponse) ApiKey() protocol.ApiKey { return protocol.DeleteRecords }

// leaderOf finds the leader of a partition.
func leaderOf(cluster protocol.Cluster, topic string, partition int32) (protocol.Broker, error) {
	t, ok := cluster.Topics[topic]
	if !ok {
		return protocol.Broker{ID: -1}, protocol.NewErrNoTopic(topic)
	}
	p, ok := t.Partitions[partition]
	if !ok {
		return protocol.Broker{ID: -1}, protocol.NewErrNoPartition(topic, partition)
	}
	b, ok := cluster.Brokers[p.Leader]
	if !ok {
		return protocol.Broker{ID: -1}, protocol.NewErrNoLeader(topic, partition)
	}
	return b, nil
}

// DeleteRecords deletes what a partition holds below an offset; where that is gone
// already nothing changes. An offset beyond the end is an *OutOfRange. Answers that
// a moment mends are waited out within ctx and the client's RetryBudget.
func (c *Client) DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error {
	what := fmt.Sprintf("delete what %s/%d holds below %d", topic, partition, before)
	if before < 0 {
		return fmt.Errorf("%s: an offset is at least 0", what)
	}
	start, end, err := c.Offsets(ctx, topic, partition)
	switch {
	case err != nil:
		return fmt.Errorf("%s: %w", what, err)
	case before <= start:
		return nil
	case before > end:
		return &OutOfRange{Topic: topic, Partition: partition, Offset: before, Start: start, End: end}
	}
	return c.persist(ctx, what, needs{topic: topic, onTopic: "Delete"}, func() error { return c.deleteOnce(ctx, topic, partition, before) })
}

func (c *Client) deleteOnce(ctx context.Context, topic string, partition int32, before int64) error {
	m, err := c.roundTrip(ctx, &deleteRecordsRequest{
		Topics:        []deleteTopic{{Topic: topic, Partitions: []deletePartition{{Partition: partition, Offset: before}}}},
		TimeoutMillis: int32(requestTimeout / time.Millisecond),
	}, 2*requestTimeout)
	if err != nil {
		return err
	}
	r, ok := m.(*deleteRecordsResponse)
	if !ok {
		return fmt.Errorf("an answer of type %T", m)
	}
	if len(r.Topics) != 1 || len(r.Topics[0].Partitions) != 1 {
		return errors.New("the answer does not name the one partition that was asked for")
	}
	if code := r.Topics[0].Partitions[0].ErrorCode; code != 0 {
		return kafkago.Error(code)
	}
	return nil
}
