package sim

import (
	"context"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Resend is when a producer sends a record again that was not acknowledged.
const Resend = 100 * time.Millisecond

// Producer sends records in order: to each partition one at a time, again and
// again until it is acknowledged. It stops with its process.
type Producer struct {
	Process *Process

	lanes []*lane
}

// lane is the queue to one partition.
type lane struct {
	to    *Partition
	queue []queued
}

type queued struct {
	record []events.Record
	acked  func()
}

// Send queues a record; acked, if not nil, is called once the broker has it.
func (o *Producer) Send(to *Partition, record events.Record, acked func()) {
	l := o.lane(to)
	l.queue = append(l.queue, queued{Copied([]events.Record{record}), acked})
	if len(l.queue) == 1 {
		o.transmit(l)
	}
}

// Pending counts what is not acknowledged.
func (o *Producer) Pending() (n int) {
	for _, l := range o.lanes {
		n += len(l.queue)
	}
	return n
}

func (o *Producer) lane(to *Partition) *lane {
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
func (o *Producer) transmit(l *lane) {
	w, first, landed, acked := o.Process.World, l.queue[0], false, false
	acknowledge := func() {
		if acked {
			return
		}
		acked = true
		if first.acked != nil {
			first.acked()
		}
		if l.queue = l.queue[1:]; len(l.queue) > 0 {
			o.transmit(l)
		}
	}
	arrive := func() {
		if !landed || l.to.Forgetful {
			_, _ = l.to.Append(context.Background(), first.record)
			landed = true
		}
		w.Send(func() { o.Process.Do(acknowledge) })
	}
	var try func()
	try = func() {
		if !acked {
			o.Process.Send(arrive)
			o.Process.After(Resend, try)
		}
	}
	try()
}
