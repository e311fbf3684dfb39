package scheduler

import (
	"context"
	"log/slog"
	"sync"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// sender is what an outbox needs of a producer: records of one partition are
// sent in order, one batch in flight, and tried until they are acknowledged or
// the producer is closed; nothing overtakes a record that is still tried.
type sender interface {
	Send(topic string, partition int32, rec events.Record, done func(offset int64, err error))
}

// outbox sends what counted events cause on other topics and knows how far the
// log has been published.
type outbox struct {
	sender sender
	log    *slog.Logger
	// traces, if set, knows in which trace a record is.
	traces *traces

	mu sync.Mutex
	// queue holds what is not yet known to be published, by offset of the cause.
	queue []pending
	first uint64 // the number of queue[0]
	next  uint64 // the number of the next record
}

type pending struct {
	offset int64
	acked  bool
}

// Send implements eventlog.Outbox. It blocks only while the producer's memory
// is full.
func (o *outbox) Send(offset int64, topic string, partition int32, rec events.Record) {
	o.mu.Lock()
	number := o.next
	o.next++
	o.queue = append(o.queue, pending{offset: offset})
	o.mu.Unlock()
	ctx, span := o.traces.send(offset, partition, &rec)
	if span == nil {
		o.sender.Send(topic, partition, rec, func(_ int64, err error) {
			o.sent(context.Background(), number, offset, topic, partition, err)
		})
		return
	}
	o.sender.Send(topic, partition, rec, func(at int64, err error) {
		messaging.Sent(span, at, err)
		o.sent(ctx, number, offset, topic, partition, err)
	})
}

// sent takes what became of a record.
func (o *outbox) sent(ctx context.Context, number uint64, cause int64, topic string, partition int32, err error) {
	switch {
	case err == nil:
		o.acknowledge(number)
	case eventlog.IsRefused(err):
		// It can never be sent; everything behind it must not wait for it.
		o.log.ErrorContext(ctx, "a caused record was refused by the broker and is dropped",
			"error", err, "cause_offset", cause, "topic", topic, "partition", partition)
		o.acknowledge(number)
	}
}

func (o *outbox) acknowledge(number uint64) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if number < o.first {
		return // It was queued before a reset.
	}
	o.queue[number-o.first].acked = true
	n := 0
	for n < len(o.queue) && o.queue[n].acked {
		n++
	}
	o.queue, o.first = o.queue[n:], o.first+uint64(n)
}

// Through implements eventlog.Outbox.
func (o *outbox) Through(limit int64) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.queue) > 0 && o.queue[0].offset < limit {
		return o.queue[0].offset
	}
	return limit
}

// Reset implements eventlog.Outbox: what was queued is forgotten. What the
// producer still holds is sent before anything newer; receivers drop it if
// they have it already.
func (o *outbox) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.queue, o.first = nil, o.next
}
