package copying

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// unfencedTarget is a partition that is written without the fence.
type unfencedTarget struct {
	client    *kafka.Client
	topic     string
	partition int32
	log       *kafka.Partition
	tail      *kafka.Partition
}

// NewUnfencedTarget makes a Target of a partition whose cluster, or whose rights, do not
// allow the fence; it does not connect. A writer that another has replaced may still
// append, so that records may stand twice or in another order after it did: only a link
// that says so is copied like this.
func NewUnfencedTarget(client *kafka.Client, topic string, partition int32) Target {
	client = fragileClient(client)
	return &unfencedTarget{client: client, topic: topic, partition: partition, tail: client.Partition(topic, partition).Uncommitted()}
}

// Claim implements Target: it takes nothing from anybody. Its appends are those of a new
// idempotent producer.
func (u *unfencedTarget) Claim(ctx context.Context) (Claimed, error) {
	before, err := u.client.TopicID(ctx, u.topic, u.partition)
	if err != nil {
		return Claimed{}, err
	}
	u.log = u.client.Partition(u.topic, u.partition)
	start, end, err := u.client.Offsets(ctx, u.topic, u.partition)
	if err != nil {
		return Claimed{}, err
	}
	after, err := u.client.TopicID(ctx, u.topic, u.partition)
	if err == nil && after != before {
		err = fmt.Errorf("take %s/%d: %w: it had ID %s and has %s", u.topic, u.partition, errCreatedAgain, before, after)
	}
	return Claimed{Start: start, End: end, ID: after}, err
}

// Tail implements Target.
func (u *unfencedTarget) Tail(ctx context.Context, from, to int64) (mirror.Tail, error) {
	return readTail(ctx, u.tail, from, to)
}

// Append implements Target. The compression is the client's.
func (u *unfencedTarget) Append(ctx context.Context, records []events.Record) (int64, error) {
	return u.log.Append(ctx, records)
}

// Renew implements Target.
func (*unfencedTarget) Renew(context.Context) error { return nil }
