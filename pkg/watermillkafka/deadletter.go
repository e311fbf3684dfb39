package watermillkafka

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"github.com/spanway/spanway/pkg/events"
)

// Headers of what DeadLetterUndecodable appends. The first two are those of
// Watermill's middleware.PoisonQueue, so that its tools show them.
const (
	PoisonedReason    = "reason_poisoned"
	PoisonedTopic     = "topic_poisoned"
	PoisonedPartition = "partition_poisoned"
	PoisonedOffset    = "offset_poisoned"
)

// setAside applies the policy for a record that cannot be decoded. It reports
// whether to go on behind it.
func (w *worker) setAside(ctx context.Context, record *events.Record, reason error) bool {
	policy := w.in.of.config.Undecodable
	switch err := fmt.Errorf("decode %s/%d at offset %d: %w", w.in.topic, w.partition, record.Offset, reason); {
	case policy.deadLetter != "":
		w.in.of.logger.Error("A record cannot be decoded; it goes to "+policy.deadLetter, err, w.fields(record.Offset))
		return w.bury(ctx, record, reason)
	case policy.skip:
		w.in.of.logger.Error("A record cannot be decoded; it is skipped", err, w.fields(record.Offset))
		return true
	default:
		w.in.fail(err)
		return false
	}
}

// bury appends the record to the dead-letter topic, until that is acknowledged
// or ctx ends. They are few: each is a producer of its own.
func (w *worker) bury(ctx context.Context, record *events.Record, reason error) bool {
	topic, client := w.in.of.config.Undecodable.deadLetter, w.in.client
	dead := events.Record{Timestamp: record.Timestamp, Key: record.Key, Value: record.Value, Headers: append(slices.Clone(record.Headers),
		events.Header{Key: PoisonedReason, Value: []byte(reason.Error())},
		events.Header{Key: PoisonedTopic, Value: []byte(w.in.topic)},
		events.Header{Key: PoisonedPartition, Value: []byte(strconv.Itoa(int(w.partition)))},
		events.Header{Key: PoisonedOffset, Value: []byte(strconv.FormatInt(record.Offset, 10))},
	)}
	try := client.Board().New(fmt.Sprintf("append the record at %s/%d@%d, which cannot be decoded, to the dead-letter topic %s", w.in.topic, w.partition, record.Offset, topic))
	defer try.End()
	for ctx.Err() == nil {
		n, err := client.AwaitTopic(ctx, topic)
		if err == nil {
			_, err = client.Partition(topic, w.partition%n).Append(ctx, []events.Record{dead})
		}
		if err == nil {
			try.Passed()
			return true
		}
		try.Again(ctx, err, watchInterval)
	}
	return false
}
