package sim

import (
	"github.com/spanway/spanway/pkg/events"
)

// Outbox implements eventlog.Outbox with a producer beside the owner's loop.
type Outbox struct {
	Producer *Producer
	// Partition finds where a record goes.
	Partition func(topic string, partition int32) *Partition

	// open are the causes of what is not acknowledged, oldest first.
	open []*cause
}

type cause struct {
	offset int64
	done   bool
}

// Send implements eventlog.Outbox.
func (o *Outbox) Send(offset int64, topic string, partition int32, rec events.Record) {
	c := &cause{offset: offset}
	o.open = append(o.open, c)
	o.Producer.Send(o.Partition(topic, partition), rec, func() { c.done = true })
}

// Through implements eventlog.Outbox.
func (o *Outbox) Through(limit int64) int64 {
	for len(o.open) > 0 && o.open[0].done {
		o.open = o.open[1:]
	}
	if len(o.open) > 0 {
		return min(limit, o.open[0].offset)
	}
	return limit
}

// Reset implements eventlog.Outbox. What the producer still holds is sent
// before anything newer.
func (o *Outbox) Reset() { o.open = nil }
