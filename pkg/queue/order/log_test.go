package order_test

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// log gives a queue its calls, one after the other.
type log struct {
	q      *order.Queue
	offset int64
	now    int64
}

func (l *log) call(m proto.Message) events.Code {
	code := l.q.Decide(&sharedlog.Call{ID: sharedlog.CallID{0: 0x5a, 7: byte(l.offset + 1)}, Offset: l.offset, Now: l.now, Message: m})
	l.offset++
	return code
}

func (l *log) pass(now int64) {
	l.now = now
	l.q.Pass(now, l.offset)
	l.offset++
}

// newLog is that of a queue which was created at offset 0.
func newLog(t testing.TB, s *events.QueueSettings) *log {
	l := &log{q: order.New()}
	if code := l.call(&events.QueueConfigured{Settings: s, Create: true}); code != "" {
		t.Fatalf("created: %s", code)
	}
	return l
}

func enqueued(id string) *events.QueueEnqueued { return &events.QueueEnqueued{Id: id} }

func (l *log) enqueue(t testing.TB, ids ...string) {
	t.Helper()
	for _, id := range ids {
		if code := l.call(enqueued(id)); code != "" {
			t.Fatalf("enqueue %q: %s", id, code)
		}
	}
}

// list is the ordering as one text: "a@1 b@2!5" says that b has a claim with token 5.
func (l *log) list() (out string) {
	for _, e := range l.q.Entries(nil, -1, 1<<30) {
		out += fmt.Sprintf(" %s@%d", e.ID, e.Seq)
		if e.Claim != nil {
			out += fmt.Sprintf("!%d", e.Claim.Token)
		}
	}
	return out
}

func (l *log) lists(t *testing.T, want string) {
	t.Helper()
	if got := l.list(); got != want {
		t.Fatalf("at %d the ordering is%s; want%s", l.offset, got, want)
	}
}
