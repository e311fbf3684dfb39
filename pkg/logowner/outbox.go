package logowner

import (
	"context"
	"log/slog"
	"sync"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// targetBytes bounds the bytes of records that are under way to one partition: what
// one event causes may exceed it. It is what a slow partition costs, for each owned
// partition; what goes there besides stays in the log until there is room. A burst of
// events that all go to one partition fits, for what has no room is made twice.
const targetBytes = 4 << 20

// outbox sends what counted events cause on other topics and knows how far the log has
// been published. A target partition that takes nothing has no room after a while, and
// holds back nothing else. Only the owner's goroutine sends.
type outbox struct {
	producer Producer
	log      *slog.Logger
	// publishing is Tenure.Publishing.
	publishing func(cause int64, partition int32, rec *events.Record) (context.Context, func(int64, error))

	mu      sync.Mutex
	targets map[eventlog.TopicPartition]*target
	epoch   int // counts the resets
}

// target is a partition to which records are sent. They are acknowledged in their
// order.
type target struct {
	eventlog.TopicPartition
	// causes are the offsets of the events that caused what is not acknowledged.
	causes []int64
	bytes  int // under way, notices and what was queued before a reset included
}

func newOutbox(producer Producer, log *slog.Logger) *outbox {
	return &outbox{producer: producer, log: log, targets: map[eventlog.TopicPartition]*target{}}
}

// target finds or makes one; o.mu is held.
func (o *outbox) target(topic string, partition int32) *target {
	at := eventlog.TopicPartition{Topic: topic, Partition: partition}
	t := o.targets[at]
	if t == nil {
		t = &target{TopicPartition: at}
		o.targets[at] = t
	}
	return t
}

// Room implements eventlog.Outbox.
func (o *outbox) Room(topic string, partition int32) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.target(topic, partition).bytes < targetBytes
}

// Send implements eventlog.Outbox.
func (o *outbox) Send(offset int64, topic string, partition int32, rec events.Record) {
	var told func(int64, error)
	ctx := context.Background()
	if o.publishing != nil {
		if own, sent := o.publishing(offset, partition, &rec); sent != nil {
			ctx, told = own, sent
		}
	}
	size := rec.Size()
	o.mu.Lock()
	t, epoch := o.target(topic, partition), o.epoch
	t.causes = append(t.causes, offset)
	t.bytes += size
	o.mu.Unlock()
	o.producer.Send(topic, partition, rec, func(at int64, err error) {
		if told != nil {
			told(at, err)
		}
		if eventlog.IsRefused(err) {
			// It can never be sent; everything behind it must not wait for it.
			o.log.ErrorContext(ctx, "a caused record was refused by the broker and is dropped",
				"error", err, "cause_offset", offset, "topic", t.Topic, "partition", t.Partition)
			err = nil
		}
		o.settle(t, epoch, size, err)
	})
}

// settle takes what became of a record. One that is not sent, because the producer was
// closed, stays unpublished.
func (o *outbox) settle(t *target, epoch, size int, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	t.bytes -= size
	if err == nil && epoch == o.epoch {
		t.causes = t.causes[1:]
	}
}

// notify sends a record that no event causes, or drops it if there is no room.
func (o *outbox) notify(topic string, partition int32, rec events.Record) bool {
	size := rec.Size()
	o.mu.Lock()
	t := o.target(topic, partition)
	room := t.bytes < targetBytes
	if room {
		t.bytes += size
	}
	o.mu.Unlock()
	if room {
		o.producer.Send(topic, partition, rec, func(int64, error) { o.settle(t, -1, size, nil) })
	}
	return room
}

// Through implements eventlog.Outbox.
func (o *outbox) Through(limit int64) int64 {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range o.targets {
		if len(t.causes) > 0 {
			limit = min(limit, t.causes[0])
		}
	}
	return limit
}

// Reset implements eventlog.Outbox: what was queued is forgotten. What the
// producer still holds is sent before anything newer; receivers drop it if
// they have it already.
func (o *outbox) Reset() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.epoch++
	for _, t := range o.targets {
		t.causes = nil
	}
}
