package kafka

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/spanway/spanway/internal/kafka/batch"
)

// Append appends one encoded batch (package batch), which it stamps in place, and returns
// its base offset, acknowledged by all replicas in sync. While the outcome is unknown it
// sends the very same bytes. Unless unread, b may still be read after it returns.
//
// *WriterFenced: another writer has the partition, and this one stops for good; a batch
// whose outcome was unknown before may stand. *UnknownOutcome: it may stand or not; Claim and
// read the tail. *Refused, *Unsent, *TooOld, *FenceLapsed: it was not appended.
func (w *FencedWriter) Append(ctx context.Context, b []byte) (base int64, unread bool, err error) {
	if err := w.enter(ctx); err != nil {
		return 0, true, err
	}
	defer w.leave()
	if err := w.ready(); err != nil {
		return 0, true, err
	}
	if len(b) < batch.HeaderSize || batch.Length(b) != len(b) || batch.Records(b) <= 0 {
		return 0, true, &Refused{Topic: w.config.Topic, Partition: w.config.Partition, Err: fmt.Errorf("%d bytes that are not one batch with records", len(b))}
	}
	if age := time.Since(time.UnixMilli(batch.Greatest(b))); age > w.expiry/2 && !w.config.Old {
		return 0, true, &TooOld{Topic: w.config.Topic, Partition: w.config.Partition, Age: age, Expiry: w.expiry}
	}
	batch.Stamp(b, w.producer)
	count := batch.Records(b)
	what := func() string { return w.what(fmt.Sprintf("append %d records", count)) }
	retry := w.client.retrier(0, what)
	defer retry.try.End()
	for attempts := 1; ; attempts++ {
		base, err = w.log.sequence.attempt(ctx, b)
		if fencing(err) {
			return 0, attempts == 1, w.stop(err)
		}
		if w.config.NoTopic != nil && NoSuchTopic(err) {
			w.config.NoTopic()
		}
		outcome := classify(err)
		switch {
		case outcome == done:
			retry.try.Passed()
			w.producer.Sequence = after(w.producer.Sequence, count)
			return base, attempts == 1, nil
		case outcome == refused && attempts == 1:
			return 0, true, &Refused{Topic: w.config.Topic, Partition: w.config.Partition, Err: err}
		case outcome == denied && attempts == 1:
			return 0, false, w.client.gaveUp(ctx, what(), err)
		case outcome == unknown && ctx.Err() == nil && retry.wait(ctx, err):
			continue
		}
		w.claimed = false
		return 0, false, &UnknownOutcome{Topic: w.config.Topic, Partition: w.config.Partition, Err: w.client.gaveUp(ctx, what(), err)}
	}
}

// after is the sequence number behind count records; they go round at the greatest.
func after(sequence, count int32) int32 {
	if sequence > math.MaxInt32-count {
		return count - (math.MaxInt32 - sequence) - 1
	}
	return sequence + count
}
