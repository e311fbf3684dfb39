package order_test

import (
	"bytes"
	"fmt"
	"io"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// newSequence is the log of a queue whose IDs are a sequence.
func newSequence(t testing.TB) *log {
	return newLog(t, &events.QueueSettings{Ids: events.QueueIDs_QUEUE_IDS_SEQUENCE, MaxEntryBytes: 10, MaxEntries: 100})
}

func trimmed(through int64) *events.QueueTrimmed { return &events.QueueTrimmed{Through: through} }

// What is decided of each ID, in one life: each line is a call and its code.
func TestASequence(t *testing.T) {
	l := newSequence(t)
	put := func(id string) proto.Message { return enqueued(id) }
	take := func(id string) proto.Message { return &events.QueueRemoved{Id: id} }
	for i, c := range []struct {
		m    proto.Message
		want events.Code
	}{
		{put("1-2"), events.CodeOutOfSequence}, // The first is 1.
		{take("1-1"), events.CodeUnknownEntry},
		{put("1-1"), ""},
		{put("1-1"), events.CodeDuplicateEntry},
		{put("1-3"), events.CodeOutOfSequence},
		{put("1-2"), ""},
		{put("3-3"), ""}, // The term grows; so does the number.
		{put("3-4"), ""},
		{put("2-5"), events.CodeOldTerm},
		{put("1-2"), events.CodeDuplicateEntry}, // It is held, whatever its term.
		{put("3-2"), events.CodeOutOfSequence},  // That number was another term's.
		{take("3-2"), events.CodeUnknownEntry},
		{put("4-4"), events.CodeOutOfSequence},
		{take("3-3"), ""}, // From the middle.
		{put("3-3"), events.CodeAlreadyRemoved},
		{take("3-3"), events.CodeAlreadyRemoved},
		{take("1-2"), ""},
		{put("1-2"), events.CodeOldTerm},
		{take("1-2"), events.CodeAlreadyRemoved},
		{take("1-9"), events.CodeUnknownEntry},
		{take("9-1"), events.CodeUnknownEntry},
		{put("3-5"), ""},
		{put("3-6"), ""},
		{trimmed(4), ""},
		{put("3-4"), events.CodeAlreadyRemoved},
		{trimmed(3), ""}, // It was trimmed further.
		{put("3-7"), ""},
		{trimmed(20), ""}, // Further than any entry.
		{put("3-8"), events.CodeAlreadyRemoved},
		{put("4-8"), events.CodeOutOfSequence}, // A new term must say which is next.
		{put("3-22"), events.CodeOutOfSequence},
		{put("4-21"), ""},
		{put("3-22"), events.CodeOldTerm},
		{put("4-22"), ""},
	} {
		if code := l.call(c.m); code != c.want {
			t.Fatalf("call %d, %T %v: %q, want %q", i, c.m, c.m, code, c.want)
		}
	}
	l.lists(t, " 4-21@32 4-22@34")
	if last, next := l.q.Last(); last != (order.Sequence{Term: 4, Number: 22}) || next != 23 {
		t.Errorf("the last is %v, and the next %d", last, next)
	}
	if c := l.q.Counts(); c.Removed != 1 || c.RemovedBytes > 100 {
		t.Errorf("what is remembered: %+v", c)
	}
}

// A trim takes claimed entries, too: their claims are stale then. Each is told as a removal.
func TestATrimTakesClaims(t *testing.T) {
	l := newSequence(t)
	l.enqueue(t, "1-1", "1-2", "1-3")
	l.call(&events.QueueClaimed{Count: 1, LeaseMs: 1000})
	var told []string
	l.q.Observe = func(c order.Change) { told = append(told, fmt.Sprint(c.Kind, c.Entry.ID, c.Offset, c.Reason)) }
	if code := l.call(&events.QueueTrimmed{Through: 2, Reason: "full sync"}); code != "" {
		t.Fatal(code)
	}
	if fmt.Sprint(told) != "[removed1-15full sync removed1-25full sync]" {
		t.Errorf("told %q", told)
	}
	if code := l.call(&events.QueueDone{Id: "1-1", Token: 4}); code != events.CodeStaleClaim {
		t.Errorf("finished: %q", code)
	}
	l.lists(t, " 1-3@3")
	if c := l.q.Counts(); c.Claimed != 0 || c.Entries != 1 || c.Bytes != 3 {
		t.Errorf("counts %+v", c)
	}
}

// What no trim can be, in which queue.
func TestRefusedTrims(t *testing.T) {
	for _, c := range []struct {
		kind events.QueueIDs
		m    *events.QueueTrimmed
	}{
		{events.QueueIDs_QUEUE_IDS_SEQUENCE, trimmed(0)},
		{events.QueueIDs_QUEUE_IDS_SEQUENCE, trimmed(-1)},
		{events.QueueIDs_QUEUE_IDS_SEQUENCE, &events.QueueTrimmed{Through: 1, Reason: string(make([]byte, 300))}},
		{events.QueueIDs_QUEUE_IDS_ANY, trimmed(1)},
	} {
		l := newLog(t, &events.QueueSettings{Ids: c.kind})
		l.enqueue(t, "1-1")
		before := l.q.Snapshot(nil)
		if code := l.call(c.m); code != events.CodeBadData || !bytes.Equal(l.q.Snapshot(nil), before) {
			t.Errorf("%v of %s: %q", c.m, c.kind, code)
		}
	}
}

// What is no ID of a sequence is BAD_ENTRY_ID in each call, and has one text only.
func TestIDsOfASequence(t *testing.T) {
	const most = "9223372036854775807"
	l := newSequence(t)
	for _, id := range []string{
		"", "1", "-", "1-", "-1", "0-1", "1-0", "01-1", "1-01", "+1-1", "1-+1", " 1-1", "1-1 ", "1_1", "1-1-1", "--1", "1--1",
		"9223372036854775808-1", "1-9223372036854775808", "18446744073709551617-1", "1-99999999999999999999", "١-1", "a-1", "1-1\n",
	} {
		for _, m := range []proto.Message{enqueued(id), &events.QueueRemoved{Id: id}, &events.QueueDone{Id: id}} {
			if code := l.call(m); code != events.CodeBadEntryID {
				t.Errorf("%T %q: %q", m, id, code)
			}
		}
		if s, err := order.ParseSequence(id); err == nil {
			t.Errorf("%q is read as %v", id, s)
		}
	}
	for _, id := range []string{"1-1", "10-200", most + "-" + most} {
		if s, err := order.ParseSequence(id); err != nil || s.String() != id {
			t.Errorf("%q is read as %v: %v", id, s, err)
		}
	}
}

// The greatest number is the last one.
func TestASequenceEnds(t *testing.T) {
	l := newSequence(t)
	if code := l.call(trimmed(math.MaxInt64 - 1)); code != "" {
		t.Fatal(code)
	}
	if _, next := l.q.Last(); next != math.MaxInt64 {
		t.Fatalf("the next is %d", next)
	}
	l.enqueue(t, fmt.Sprint("7-", int64(math.MaxInt64)))
	if _, next := l.q.Last(); next != 0 {
		t.Errorf("behind the last one comes %d", next)
	}
	if code := l.call(enqueued("8-1")); code != events.CodeOutOfSequence {
		t.Errorf("it begins anew: %q", code)
	}
	again := order.New()
	if err := again.Restore(l.q.Snapshot(nil)); err != nil {
		t.Fatal(err)
	}
}

// An entry that was refused because the queue is full does not use its number.
func TestAFullSequence(t *testing.T) {
	l := newLog(t, &events.QueueSettings{Ids: events.QueueIDs_QUEUE_IDS_SEQUENCE, MaxEntries: 1})
	l.enqueue(t, "1-1")
	for _, c := range []struct {
		id   string
		want events.Code
	}{{"1-2", events.CodeQueueFull}, {"1-3", events.CodeOutOfSequence}} {
		if code := l.call(enqueued(c.id)); code != c.want {
			t.Errorf("%s: %q, want %q", c.id, code, c.want)
		}
	}
	l.call(&events.QueueRemoved{Id: "1-1"})
	l.enqueue(t, "1-2")
}

// However many entries there were, what is remembered of them has one size; and none returns.
func TestASequenceRemembersAtNoCost(t *testing.T) {
	l := newSequence(t)
	for n := range 10_000 {
		id := order.Sequence{Term: uint64(1 + n/1000), Number: uint64(n + 1)}.String()
		l.enqueue(t, id)
		l.call(&events.QueueRemoved{Id: id})
		if code := l.call(enqueued(id)); code != events.CodeAlreadyRemoved {
			t.Fatalf("%s returns: %q", id, code)
		}
	}
	if n := len(l.q.Snapshot(nil)); n > 64 {
		t.Errorf("the state of the empty queue has %d bytes", n)
	}
}

// An ID is accepted once in the life of a queue, numbers have no gap but those of trims, and
// terms do not fall: whatever is asked, over snapshots.
func TestNoNumberIsUsedTwice(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(n int) int { return rapid.IntRange(0, n-1).Draw(rt, "n") }
		l := newSequence(t)
		var last order.Sequence
		floor := uint64(0)
		for range rapid.IntRange(1, 200).Draw(rt, "steps") {
			switch draw(8) {
			case 0:
				through := 1 + draw(int(last.Number)+4)
				if code := l.call(trimmed(int64(through))); code != "" {
					rt.Fatalf("trim %d: %q", through, code)
				}
				floor = max(floor, uint64(through))
			case 1:
				q := order.New()
				if err := q.Restore(l.q.Snapshot(nil)); err != nil {
					rt.Fatal(err)
				}
				l.q = q
			case 2:
				l.call(&events.QueueClaimed{Count: 2, LeaseMs: 10})
			case 3:
				if first := l.q.Entries(nil, -1, 1); len(first) > 0 {
					l.call(&events.QueueRemoved{Id: first[0].ID})
				}
			default:
				id := order.Sequence{Term: uint64(1 + draw(5)), Number: uint64(1 + draw(int(max(last.Number, floor))+3))}
				if l.call(enqueued(id.String())) != "" {
					continue
				}
				if id.Number != max(last.Number, floor)+1 || id.Term < last.Term {
					rt.Fatalf("%v is accepted behind %v, trimmed through %d", id, last, floor)
				}
				last = id
			}
			for _, e := range l.q.Entries(nil, -1, math.MaxInt) {
				if id, err := order.ParseSequence(e.ID); err != nil || id.Number <= floor {
					rt.Fatalf("it holds %q, trimmed through %d", e.ID, floor)
				}
			}
		}
	})
}

// A state of a sequence has a version that an older binary refuses; states of all other queues
// stay in the version that it reads. One of which the numbers do not fit is refused.
func TestStatesOfSequences(t *testing.T) {
	for kind, want := range map[events.QueueIDs]byte{events.QueueIDs_QUEUE_IDS_ANY: 2, events.QueueIDs_QUEUE_IDS_UUIDV7: 2, events.QueueIDs_QUEUE_IDS_SEQUENCE: 3} {
		l := newLog(t, &events.QueueSettings{Ids: kind})
		if state := l.q.Snapshot(nil); state[0] != want {
			t.Errorf("the state of %s has version %d", kind, state[0])
		}
	}
	l := newSequence(t)
	l.enqueue(t, "2-1", "2-2")
	l.call(trimmed(1))
	state := l.q.Snapshot(nil)
	end := len(state) - 4 // term, number, first of the term, floor
	restore := func(state []byte) (whole, parts error) {
		return order.New().Restore(state), (&order.Parts{}).Open(io.NewSectionReader(bytes.NewReader(state), 0, int64(len(state))))
	}
	if whole, parts := restore(state); whole != nil || parts != nil {
		t.Fatal(whole, parts)
	}
	for name, change := range map[string]func(state []byte){
		"version 2":                       func(s []byte) { s[0] = 2 },
		"the entry has a later term":      func(s []byte) { s[end] = 1 },
		"the entry is not put in yet":     func(s []byte) { s[end+1] = 1 },
		"the term begins behind its last": func(s []byte) { s[end+2] = 3 },
		"the term has no first":           func(s []byte) { s[end+2] = 0 },
		"the entry was trimmed":           func(s []byte) { s[end+3] = 2 },
		"another ID": func(s []byte) {
			copy(s[bytes.Index(s, []byte("2-2")):], "2x2")
		},
	} {
		altered := bytes.Clone(state)
		change(altered)
		if whole, parts := restore(altered); whole == nil || parts == nil {
			t.Errorf("%s: restored: %v, in parts: %v", name, whole, parts)
		}
	}
}
