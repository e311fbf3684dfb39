package logowner

import (
	"context"
	"log/slog"
	"sync"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// outbox sends what counted events cause on other topics and knows how far the
// log has been published.
type outbox struct {
	producer Producer
	log      *slog.Logger
	// publishing is Tenure.Publishing.
	publishing func(cause int64, partition int32, rec *events.Record) (context.Context, func(int64, error))

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

// Send implements eventlog.Outbox.
func (o *outbox) Send(offset int64, topic string, partition int32, rec events.Record) {
	o.mu.Lock()
	number := o.next
	o.next++
	o.queue = append(o.queue, pending{offset: offset})
	o.mu.Unlock()
	var told func(int64, error)
	ctx := context.Background()
	if o.publishing != nil {
		if own, sent := o.publishing(offset, partition, &rec); sent != nil {
			ctx, told = own, sent
		}
	}
	if told == nil {
		o.producer.Send(topic, partition, rec, func(_ int64, err error) {
			o.sent(ctx, number, offset, topic, partition, err)
		})
		return
	}
	o.producer.Send(topic, partition, rec, func(at int64, err error) {
		told(at, err)
		o.sent(ctx, number, offset, topic, partition, err)
	})
}

// notify sends a record that no event causes.
func (o *outbox) notify(topic string, partition int32, rec events.Record) bool {
	o.producer.Send(topic, partition, rec, func(int64, error) {})
	return true
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
