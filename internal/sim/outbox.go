package sim

import (
	"context"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Outbox implements eventlog.Outbox as a producer beside the owner's loop: one
// record in flight per partition, sent again until it is acknowledged. It stops
// with its process.
type Outbox struct {
	Process *Process
	// Partition finds where a record goes.
	Partition func(topic string, partition int32) *Partition

	lanes []*lane
}

// lane is the queue to one partition.
type lane struct {
	to    *Partition
	queue []queued
	// life grows with every Reset: what was in flight before is nobody's.
	life int
}

type queued struct {
	offset int64
	record []events.Record
}

// Send implements eventlog.Outbox.
func (o *Outbox) Send(offset int64, topic string, partition int32, rec events.Record) {
	l := o.lane(o.Partition(topic, partition))
	l.queue = append(l.queue, queued{offset, copied([]events.Record{rec})})
	if len(l.queue) == 1 {
		o.transmit(l)
	}
}

func (o *Outbox) lane(to *Partition) *lane {
	for _, l := range o.lanes {
		if l.to == to {
			return l
		}
	}
	l := &lane{to: to}
	o.lanes = append(o.lanes, l)
	return l
}

// transmit sends the first record of a lane until it is acknowledged.
func (o *Outbox) transmit(l *lane) {
	w, life, first, acked := o.Process.World, l.life, l.queue[0], false
	landed := false
	var try func()
	try = func() {
		if acked || l.life != life {
			return
		}
		w.Send(func() {
			if !landed || l.to.Forgetful {
				_, _ = l.to.Append(context.Background(), first.record)
				landed = true
			}
			w.Send(func() {
				o.Process.Do(func() {
					if acked || l.life != life {
						return
					}
					acked = true
					if l.queue = l.queue[1:]; len(l.queue) > 0 {
						o.transmit(l)
					}
				})
			})
		})
		o.Process.After(100*time.Millisecond, try)
	}
	try()
}

// Through implements eventlog.Outbox.
func (o *Outbox) Through(limit int64) int64 {
	for _, l := range o.lanes {
		if len(l.queue) > 0 {
			limit = min(limit, l.queue[0].offset)
		}
	}
	return limit
}

// Reset implements eventlog.Outbox.
func (o *Outbox) Reset() {
	for _, l := range o.lanes {
		l.queue, l.life = nil, l.life+1
	}
}
