package copying

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// kafkaTarget is a partition of a Kafka cluster that is written behind its broker's fence.
type kafkaTarget struct {
	client      *kafka.Client
	config      kafka.FenceConfig
	compression batch.Compression
	log         *kafka.Partition

	writer *kafka.FencedWriter
	every  time.Duration // a quarter of the cluster's memory of an idle writer
	lapsed error         // of the renewal behind a batch of old records
}

// buffers hold batches while they are sent. All targets share them: one that is idle keeps
// none.
var buffers sync.Pool

// tailWait is how long a read of the tail waits for what must be there.
const tailWait = 500 * time.Millisecond

// NewTarget makes a Target of a partition; it does not connect. It takes records of any age
// (kafka.FenceConfig.Old), and renews the fence behind those that weaken it.
func NewTarget(client *kafka.Client, config kafka.FenceConfig, compression batch.Compression) Target {
	config.Old = true
	client = fragileClient(client)
	return &kafkaTarget{client: client, config: config, compression: compression, log: client.Partition(config.Topic, config.Partition).Uncommitted()}
}

// Claim implements Target. Each claim is that of a new writer, for one that was fenced
// never writes again.
func (t *kafkaTarget) Claim(ctx context.Context) (Claimed, error) {
	before, err := t.client.TopicID(ctx, t.config.Topic, t.config.Partition)
	if err != nil {
		return Claimed{}, err
	}
	t.writer, t.lapsed = t.client.FencedWriter(t.config), nil
	claim, err := t.writer.Claim(ctx)
	if err != nil {
		return Claimed{}, err
	}
	after, err := t.client.TopicID(ctx, t.config.Topic, t.config.Partition)
	if err == nil && after != before {
		err = fmt.Errorf("claim %s/%d: %w: it had ID %s and has %s", t.config.Topic, t.config.Partition, errCreatedAgain, before, after)
	}
	t.every = claim.RenewEvery
	return Claimed{Start: claim.Start, End: claim.End, ID: after, RenewEvery: claim.RenewEvery}, err
}

// Tail implements Target.
func (t *kafkaTarget) Tail(ctx context.Context, from, to int64) (mirror.Tail, error) {
	if !byTail {
		return mirror.Tail{Next: to}, nil
	}
	return readTail(ctx, t.log, from, to)
}

// readTail reads what stands in a partition, up to an offset that it had.
func readTail(ctx context.Context, log *kafka.Partition, from, to int64) (mirror.Tail, error) {
	page, err := log.Fetch(ctx, from, tailWait)
	var out *kafka.OutOfRange
	switch {
	case err == nil:
		return mirror.Tail{Records: page.Records, Next: page.Next}, nil
	case !errors.As(err, &out):
		return mirror.Tail{}, err
	case out.Start > from:
		return mirror.Tail{Next: out.Start}, nil // What stood there was deleted.
	case out.End < from:
		return mirror.Tail{Next: to}, nil // It lost its end: the next append shows it.
	}
	return mirror.Tail{Next: from}, nil
}

// Append implements Target. A batch whose timestamps are so old that the broker forgets
// its writer is followed by a renewal.
func (t *kafkaTarget) Append(ctx context.Context, records []events.Record) (int64, error) {
	if t.lapsed != nil {
		return 0, t.lapsed
	}
	buffer, ok := buffers.Get().(*[]byte)
	if !ok {
		buffer = new([]byte)
	}
	var err error
	if *buffer, err = batch.AppendUnstamped((*buffer)[:0], records, t.compression); err != nil {
		return 0, &kafka.Refused{Topic: t.config.Topic, Partition: t.config.Partition, Err: err}
	}
	newest := batch.Greatest(*buffer)
	base, unread, err := t.writer.Append(ctx, *buffer)
	if unread { // Else it may still be read.
		buffers.Put(buffer)
	}
	if err == nil && time.Since(time.UnixMilli(newest)) > 2*t.every {
		t.lapsed = t.writer.Renew(ctx)
	}
	return base, err
}

// Renew implements Target.
func (t *kafkaTarget) Renew(ctx context.Context) error {
	if t.lapsed != nil {
		return t.lapsed
	}
	return t.writer.Renew(ctx)
}
