package watermillkafka

import (
	"context"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// recordCtx is a message's context: that of the subscription, and where the
// message came from.
type recordCtx struct {
	context.Context
	record     *events.Record
	partition  int32
	generation int32
}

type contextKey int

const (
	partitionKey contextKey = iota
	offsetKey
	timestampKey
	recordKey
	generationKey
	wholeKey
)

// Value answers for the package's own keys.
func (c *recordCtx) Value(key any) any {
	switch key {
	case partitionKey:
		return c.partition
	case offsetKey:
		return c.record.Offset
	case timestampKey:
		return time.UnixMilli(c.record.Timestamp)
	case recordKey:
		return c.record.Key
	case generationKey:
		return c.generation
	case wholeKey:
		return c.record
	}
	return c.Context.Value(key)
}

// MessagePartitionFromCtx returns the partition that the message came from.
func MessagePartitionFromCtx(ctx context.Context) (int32, bool) {
	partition, ok := ctx.Value(partitionKey).(int32)
	return partition, ok
}

// MessagePartitionOffsetFromCtx returns the message's offset in its partition.
func MessagePartitionOffsetFromCtx(ctx context.Context) (int64, bool) {
	offset, ok := ctx.Value(offsetKey).(int64)
	return offset, ok
}

// MessageTimestampFromCtx returns the time of the message's record: when it was
// published, or appended, as the topic says.
func MessageTimestampFromCtx(ctx context.Context) (time.Time, bool) {
	timestamp, ok := ctx.Value(timestampKey).(time.Time)
	return timestamp, ok
}

// MessageKeyFromCtx returns the key of the message's record; nil if it has none.
func MessageKeyFromCtx(ctx context.Context) ([]byte, bool) {
	key, ok := ctx.Value(recordKey).([]byte)
	return key, ok
}

// MessageGenerationFromCtx returns the generation of the group that the message
// was handed out in. It grows with every rebalance, so with the partition it
// fences what a slow handler writes elsewhere. It is 0 without a group.
func MessageGenerationFromCtx(ctx context.Context) (int32, bool) {
	generation, ok := ctx.Value(generationKey).(int32)
	return generation, ok
}

// MessageRecordFromCtx returns the record that the message was made of, which must not be
// changed: for handlers that read more of it than Watermill's form of it has, or would have
// to make it anew.
func MessageRecordFromCtx(ctx context.Context) (*events.Record, bool) {
	record, ok := ctx.Value(wholeKey).(*events.Record)
	return record, ok
}
