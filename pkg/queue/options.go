package queue

import (
	"cmp"
	"fmt"
	"log/slog"
	"os"

	"go.opentelemetry.io/otel/metric"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/pkg/queue/order"
)

// Options say how a process works with a queue. All may be left out.
type Options struct {
	// Prefix of the topics; "spanway." if empty.
	Prefix string
	// Source becomes the ce_source of the records, such as "/shop"; "/spanway/queue" if empty.
	Source string
	// JSON writes records as JSON instead of protobuf.
	JSON bool
	// Holder names this process in its claims, to people; host name and process ID if empty.
	Holder string
	// IDs makes the IDs of entries that come without one, such as an ids.Generator; UUIDs of
	// version 7 if nil. It is
	// not closed with the queue.
	IDs IDs
	// Brief: this process is soon over, as a command is. It takes no part in what the hosts
	// of a queue do besides: ending leases, writing snapshots, truncating the log.
	Brief bool
	// Snapshots says when snapshots are written, and how much of the log is kept.
	Snapshots logowner.Snapshots
	// Logger is told of what is tried again; slog.Default() if nil.
	Logger *slog.Logger
	// Meter makes the metrics; none if nil.
	Meter metric.Meter
}

func (o Options) withDefaults() Options {
	o.Prefix = cmp.Or(o.Prefix, events.DefaultPrefix)
	o.Source = cmp.Or(o.Source, "/spanway/queue")
	if o.Holder == "" {
		host, _ := os.Hostname() // Without one the process ID alone must do.
		o.Holder = fmt.Sprintf("%s:%d", cmp.Or(host, "localhost"), os.Getpid())
	}
	if o.IDs == nil {
		o.IDs = UUIDs{}
	}
	return o
}

func (o Options) validate(name string) error {
	if err := events.CheckQueue(name); err != nil {
		return err
	}
	if err := events.CheckPrefix(o.Prefix); err != nil {
		return err
	}
	return events.CheckID("the holder", o.Holder)
}

func (o Options) topics() events.Topics { return events.Topics{Prefix: o.Prefix} }

// MaxEntryBytes is how many bytes a payload may have at most, whatever the rules.
const MaxEntryBytes = order.MaxEntryBytes

// What a queue is made of, as its core has it.
type (
	// Rules are those of a queue; what is 0 has its default.
	Rules = order.Rules
	// Entry is one of the ordering.
	Entry = order.Entry
	// Claim is the lease on an entry.
	Claim = order.Claim
	// State is what a queue knows of an ID: Unknown, Held or Removed.
	State = order.State
	// Counts says how much a queue holds.
	Counts = order.Counts
	// Change is one of a queue, and Kind says which.
	Change = order.Change
	Kind   = order.Kind
	// Holder is what has claims, and how many.
	Holder = order.Holder
	// Sequence is the ID of an entry in a queue whose IDs are a sequence.
	Sequence = order.Sequence
)

// ParseSequence reads the ID of an entry in a queue whose IDs are a sequence: TERM-NUMBER, as in
// 3-1841.
func ParseSequence(id string) (Sequence, error) { return order.ParseSequence(id) }
