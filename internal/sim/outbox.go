package sim

import (
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// Outbox implements eventlog.Outbox with a producer beside the owner's loop.
type Outbox struct {
	Producer *Producer
	// Partition finds where a record goes.
	Partition func(topic string, partition int32) *Partition

	// Full, if set, tells that a partition takes nothing now.
	Full func(topic string, partition int32) bool

	// open are the causes of what is not acknowledged, in the order in which it was sent.
	open []*cause
}

type cause struct {
	offset int64
	done   bool
}

// Room implements eventlog.Outbox.
func (o *Outbox) Room(topic string, partition int32) bool {
	return o.Full == nil || !o.Full(topic, partition)
}

// Send implements eventlog.Outbox.
func (o *Outbox) Send(offset int64, topic string, partition int32, rec events.Record) {
	c := &cause{offset: offset}
	o.open = append(o.open, c)
	o.Producer.Send(o.Partition(topic, partition), rec, func() { c.done = true })
}

// Through implements eventlog.Outbox.
func (o *Outbox) Through(limit int64) int64 {
	o.open = slices.DeleteFunc(o.open, func(c *cause) bool { return c.done })
	for _, c := range o.open {
		limit = min(limit, c.offset)
	}
	return limit
}

// Reset implements eventlog.Outbox. What the producer still holds is sent
// before anything newer.
func (o *Outbox) Reset() { o.open = nil }
