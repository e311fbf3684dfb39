package sharedlog_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// seats is a core with room for so many; each lease ends a second later.
type seats struct {
	room  int
	taken map[string]int64 // when each ends
}

func (s *seats) Decide(c *sharedlog.Call) events.Code {
	m, ok := c.Message.(*events.QueueEnqueued)
	switch {
	case !ok:
		return events.CodeBadData
	case len(s.taken) >= s.room:
		return events.CodeQueueFull
	}
	s.taken[m.Id] = c.Now + 1000
	return ""
}

func (s *seats) Pass(now, _ int64) {
	for id, ends := range s.taken {
		if ends <= now {
			delete(s.taken, id)
		}
	}
}

func (s *seats) Due() int64 {
	due := int64(math.MaxInt64)
	for _, ends := range s.taken {
		due = min(due, ends)
	}
	return due
}

func (s *seats) Floor() int64 { return math.MaxInt64 }

func (s *seats) Snapshot(dst []byte) []byte {
	for _, id := range []string{"a", "b", "c", "d"} {
		if ends, ok := s.taken[id]; ok {
			dst = binary.AppendUvarint(append(dst, id...), uint64(ends))
		}
	}
	return dst
}

func (s *seats) Restore(b []byte) error {
	for len(b) > 1 {
		ends, n := binary.Uvarint(b[1:])
		if n <= 0 {
			return errors.New("malformed")
		}
		s.taken[string(b[:1])] = int64(ends)
		b = b[1+n:]
	}
	return nil
}

func newSeats(room int) *sharedlog.Fold {
	return sharedlog.NewFold(&seats{room, map[string]int64{}}, 10)
}

// log gives a fold its records, one after the other.
type log struct {
	t        *testing.T
	fold     *sharedlog.Fold
	offset   int64
	decided  *sharedlog.Verdict
	repeated *sharedlog.Verdict
}

func newLog(t *testing.T, fold *sharedlog.Fold) *log {
	l := &log{t: t, fold: fold}
	fold.Decided = func(_ *sharedlog.Call, v sharedlog.Verdict) { l.decided = &v }
	fold.Repeated = func(_ *sharedlog.Call, v sharedlog.Verdict) { l.repeated = &v }
	return l
}

func (l *log) add(call byte, seen int64, m proto.Message) {
	l.decided, l.repeated = nil, nil
	c := events.Called{ID: [16]byte{call}, Seen: seen}
	l.fold.Apply(events.Logged{Offset: l.offset, Type: events.TypeOf(m), Message: m, Call: &c})
	l.offset++
}

func (l *log) decides(code events.Code) {
	l.t.Helper()
	if l.decided == nil || l.repeated != nil || l.decided.Code != code || l.decided.Offset != l.offset-1 {
		l.t.Fatalf("at %d: decided %+v, repeated %+v; want the decision %q", l.offset-1, l.decided, l.repeated, code)
	}
}

func (l *log) repeats(code events.Code, offset int64) {
	l.t.Helper()
	if l.repeated == nil || l.decided != nil || l.repeated.Code != code || l.repeated.Offset != offset {
		l.t.Fatalf("at %d: decided %+v, repeated %+v; want a copy of %q at %d", l.offset-1, l.decided, l.repeated, code, offset)
	}
}

func take(id string) proto.Message { return &events.QueueEnqueued{Id: id} }

func passed(from, to int64) proto.Message { return &events.LogTimePassed{FromMs: from, ToMs: to} }

// The first record of a call decides for ever, also where it was refused and there is
// room again: its caller was told, or will be.
func TestTheFirstRecordOfACallDecides(t *testing.T) {
	l := newLog(t, newSeats(1))
	l.add(1, 0, take("a"))
	l.decides("")
	l.add(2, 1, take("b"))
	l.decides(events.CodeQueueFull)
	l.add(9, 1, passed(0, 2000))
	l.decides("")
	l.add(2, 1, take("b"))
	l.repeats(events.CodeQueueFull, 1)
	l.add(1, 0, take("a"))
	l.repeats("", 0)
	l.add(3, 5, take("b"))
	l.decides("")
}

// What stands too far behind what its writer had seen is refused, and nothing of it is
// remembered; what is remembered is bounded by the horizon.
func TestTheHorizon(t *testing.T) {
	l := newLog(t, newSeats(100))
	l.add(1, 0, take("a"))
	l.decides("")
	for l.offset < 11 {
		l.add(100+byte(l.offset), l.offset, &events.QueueDone{})
	}
	if _, known := l.fold.Verdict(sharedlog.CallID{1}); !known {
		t.Fatal("a call was forgotten although a copy of it may come")
	}
	l.add(1, 0, take("a")) // At 11: ten offsets are allowed.
	l.decides(events.CodeTooLate)
	if _, known := l.fold.Verdict(sharedlog.CallID{1}); known || l.fold.Remembered() != 10 {
		t.Fatalf("%d calls are remembered", l.fold.Remembered())
	}
	l.add(2, l.offset+1, take("a"))
	if l.decided != nil || l.repeated != nil {
		t.Fatal("a record whose seen lies behind it decided something")
	}
	l.add(2, 12, take("d")) // A copy of it stands behind what was seen.
	l.decides("")
	l.add(3, -1, take("a"))
	l.decides(events.CodeTooLate)
}

// Of those who move the time on from where it is, one does.
func TestTimePasses(t *testing.T) {
	l := newLog(t, newSeats(1))
	l.add(1, 0, take("a"))
	for i, c := range []struct {
		from, to int64
		want     events.Code
	}{
		{1, 2, events.CodeTimeMoved},
		{0, -1, events.CodeBadData},
		{0, 0, events.CodeBadData},
		{0, sharedlog.MaxPassed + 1, events.CodeBadData},
		{0, 600, ""},
		{0, 700, events.CodeTimeMoved},
		{600, 999, ""},
	} {
		l.add(byte(10+i), l.offset, passed(c.from, c.to))
		l.decides(c.want)
	}
	if now, at := l.fold.Now(); now != 999 || at != 7 || l.fold.Due() != 1000 {
		t.Fatalf("it is %d since %d, something is due at %d", now, at, l.fold.Due())
	}
	l.add(20, l.offset, take("b"))
	l.decides(events.CodeQueueFull)
	l.add(21, l.offset, passed(999, 1000))
	l.add(22, l.offset, take("b"))
	l.decides("")
}

// A snapshot holds the calls: a copy that comes after it changes nothing.
func TestASnapshotHoldsTheCalls(t *testing.T) {
	l := newLog(t, newSeats(1))
	l.add(1, 0, take("a"))
	l.add(2, 0, take("b"))
	l.add(9, 0, passed(0, 2000))
	state := l.fold.Snapshot(nil)

	fresh := newSeats(1)
	if err := fresh.Restore(state); err != nil {
		t.Fatal(err)
	}
	if again := fresh.Snapshot(nil); !bytes.Equal(again, state) {
		t.Fatalf("restored, the state is another:\n%x\n%x", state, again)
	}
	r := newLog(t, fresh)
	r.offset = l.offset
	r.add(2, 0, take("b"))
	r.repeats(events.CodeQueueFull, 1)
	if now, at := fresh.Now(); now != 2000 || at != 2 {
		t.Fatalf("it is %d since %d", now, at)
	}
}

func FuzzRestore(f *testing.F) {
	l := newLog(&testing.T{}, newSeats(1))
	l.add(1, 0, take("a"))
	l.add(2, 0, take("b"))
	f.Add(l.fold.Snapshot(nil))
	f.Fuzz(func(t *testing.T, state []byte) {
		fold := newSeats(1)
		if fold.Restore(state) == nil {
			fold.Snapshot(nil)
		}
	})
}
