package logownertest

import (
	"slices"
	"testing"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// OutboxPort is an outbox to two partitions of a topic, 0 and 1, and what is behind it.
type OutboxPort struct {
	Outbox eventlog.Outbox
	Topic  string
	// Hold lets no record be acknowledged from now on, or what is under way again.
	Hold func(held bool)
	// Settle waits until all has happened that can.
	Settle func()
	// Arrived are the values of the records that a partition has, in order.
	Arrived func(partition int32) []string
	// Bounded: of what is not acknowledged so much can be sent to one partition.
	Bounded bool
}

// Outbox tests an outbox.
func Outbox(t *testing.T, with func(t *testing.T, body func(o OutboxPort))) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, OutboxPort){
		"what is sent arrives in order":           arrives,
		"through stays before what is not sent":   throughStays,
		"what was held back comes behind":         comesBehind,
		"a reset forgets what is queued":          resets,
		"a full partition has no room, others do": hasRoom,
	} {
		t.Run(name, func(t *testing.T) {
			with(t, func(o OutboxPort) { test(t, o) })
		})
	}
}

func (o OutboxPort) send(offset int64, partition int32, value string) {
	o.Outbox.Send(offset, o.Topic, partition, events.Record{Value: []byte(value)})
}

func (o OutboxPort) through(t *testing.T, limit, want int64) {
	t.Helper()
	if got := o.Outbox.Through(limit); got != want {
		t.Errorf("through %d of at most %d, want %d", got, limit, want)
	}
}

func (o OutboxPort) arrived(t *testing.T, partition int32, want ...string) {
	t.Helper()
	if got := o.Arrived(partition); !slices.Equal(got, want) {
		t.Errorf("partition %d has %q, want %q", partition, got, want)
	}
}

func arrives(t *testing.T, o OutboxPort) {
	o.through(t, 5, 5)
	for i, v := range []string{"a", "b", "c", "d", "e"} {
		if !o.Outbox.Room(o.Topic, int32(i%2)) {
			t.Errorf("no room for record %d", i)
		}
		o.send(int64(10+i/2), int32(i%2), v)
	}
	o.Settle()
	o.arrived(t, 0, "a", "c", "e")
	o.arrived(t, 1, "b", "d")
	o.through(t, 20, 20)
}

func throughStays(t *testing.T, o OutboxPort) {
	o.Hold(true)
	o.send(10, 0, "a")
	o.send(11, 1, "b")
	o.send(12, 0, "c")
	o.Settle()
	o.through(t, 20, 10)
	o.through(t, 10, 10)
	o.through(t, 7, 7)
	o.Hold(false)
	o.Settle()
	o.through(t, 20, 20)
	o.arrived(t, 0, "a", "c")
}

// comesBehind: to one partition an owner sends later what was caused before.
func comesBehind(t *testing.T, o OutboxPort) {
	o.Hold(true)
	o.send(30, 0, "new")
	o.send(10, 1, "old")
	o.send(11, 1, "old, too")
	o.through(t, 40, 10)
	o.Hold(false)
	o.Settle()
	o.through(t, 40, 40)
	o.arrived(t, 1, "old", "old, too")
}

func resets(t *testing.T, o OutboxPort) {
	o.Hold(true)
	o.send(10, 0, "a")
	o.through(t, 20, 10)
	o.Outbox.Reset()
	o.through(t, 20, 20)
	o.send(15, 0, "b")
	o.through(t, 20, 15)
	o.Hold(false)
	o.Settle()
	o.through(t, 20, 20)
	if got := o.Arrived(0); len(got) == 0 || got[len(got)-1] != "b" || slices.Contains(got[:len(got)-1], "b") {
		t.Errorf("partition 0 has %q, want b, once, behind what was queued before", got)
	}
}

func hasRoom(t *testing.T, o OutboxPort) {
	if !o.Bounded {
		return
	}
	o.Hold(true)
	large := string(make([]byte, 64<<10))
	n := int64(0)
	for ; n < 1000 && o.Outbox.Room(o.Topic, 0); n++ {
		o.send(n, 0, large)
	}
	if n == 0 || n == 1000 {
		t.Errorf("a partition that acknowledges nothing takes %d records of 64 KiB", n)
	}
	if !o.Outbox.Room(o.Topic, 1) {
		t.Error("another partition has no room, either")
	}
	o.Hold(false)
	o.Settle()
	if !o.Outbox.Room(o.Topic, 0) {
		t.Error("a partition that has acknowledged everything has no room")
	}
	o.through(t, 2000, 2000)
}
