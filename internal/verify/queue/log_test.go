package queue_test

import (
	"encoding/binary"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/queue"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

const topic = "spanway.queue.test"

// log is that of a queue, record by record.
type log struct {
	t       testing.TB
	records []events.Record
	calls   byte
	next    int64 // the offset of the next record
}

// newLog is that of a queue which was created at offset 0.
func newLog(t testing.TB, s *events.QueueSettings) *log {
	l := &log{t: t}
	l.call(&events.QueueConfigured{Settings: s, Create: true})
	return l
}

// call appends a call whose writer had seen everything, and returns its place and ID.
func (l *log) call(m proto.Message) (offset int64, id sharedlog.CallID) {
	l.calls++
	id = sharedlog.CallID{l.calls}
	return l.add(id, l.next, m), id
}

func (l *log) add(id sharedlog.CallID, seen int64, m proto.Message) int64 {
	r, err := sharedlog.Encode(events.Encoder{Source: "/test"}, id, seen, m)
	if err != nil {
		l.t.Fatal(err)
	}
	return l.append(r)
}

func (l *log) append(r events.Record) int64 {
	r.Offset = l.next
	l.next++
	l.records = append(l.records, r)
	return r.Offset
}

// judge feeds all records.
func (l *log) judge() *queue.Partition {
	p := queue.NewPartition(topic, queue.Options{})
	for i := range l.records {
		p.Feed(&l.records[i])
	}
	return p
}

// logged is a record as a follower hands it to a fold.
func logged(r *events.Record) (events.Logged, bool) {
	call, ok := r.Header(events.HeaderCall)
	seen, also := r.Header(events.HeaderSeen)
	if !ok || !also || len(call) != 16 || len(seen) != 8 {
		return events.Logged{}, false
	}
	m, err := events.Message(r)
	if err != nil {
		m = nil
	}
	c := &events.Called{ID: [16]byte(call), Seen: int64(binary.BigEndian.Uint64(seen))}
	return events.Logged{Offset: r.Offset, Message: m, Call: c}, true
}
