package spaces

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/internal/verify/calls"
	"github.com/spanway/spanway/pkg/events"
)

// full is the answer of an allocator that finds no room in space s now; nil if there is no
// such space.
func (l *log) full(id string) *events.IdsAnswered {
	s := l.core.Space("s")
	if s == nil {
		return nil
	}
	room := s.Room()
	room.Offset = int64(len(l.records))
	return &events.IdsAnswered{
		Space: "s", RequestId: id, Command: string(events.TypeIdsRangeRequested), Code: string(events.CodeExhausted), Room: room,
	}
}

// TestFalseRoomIsFound: what a refusal for want of room says of the space, at the place of
// the log that it names, must be so.
func TestFalseRoomIsFound(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(a *events.IdsAnswered)
		want   []string
	}{
		"as it is":           {func(*events.IdsAnswered) {}, nil},
		"of an older record": {func(a *events.IdsAnswered) { a.Room = &events.IdsRoom{Size: 7} }, nil},
		"less is free":       {func(a *events.IdsAnswered) { a.Room.Free-- }, []string{"of which 27 are free (at most 20 in a row), 9 live and 3 rest at offset 6; the log says 40 identifiers, of which 28 are free (at most 20 in a row), 9 live and 3 rest"}},
		"another size":       {func(a *events.IdsAnswered) { a.Room.Size++ }, []string{"has 41 identifiers"}},
		"another live":       {func(a *events.IdsAnswered) { a.Room.Live-- }, []string{"8 live and 3 rest at offset 6; the log says"}},
		"nothing rests":      {func(a *events.IdsAnswered) { a.Room.Quarantined = 0 }, []string{"9 live and 0 rest"}},
		"a shorter range":    {func(a *events.IdsAnswered) { a.Room.LargestFree = 19 }, []string{"at most 19 in a row"}},
		"of another place":   {func(a *events.IdsAnswered) { a.Room.Offset = 3 }, []string{"at offset 3; the log says 40 identifiers, of which 35"}},
		"before the space":   {func(a *events.IdsAnswered) { a.Room.Offset = -1 }, []string{"there was no such space"}},
		"of no space":        {func(a *events.IdsAnswered) { a.Space = "x" }, []string{`what space "x" has at offset 6: there was no such space`}},
		"what comes later":   {func(a *events.IdsAnswered) { a.Room.Offset = 8 }, []string{"offset 8, which comes after it"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLog(t)
			for _, m := range []proto.Message{declared(1, 40), granted("a", 1, 3), granted("b", 5, 6), released("a"), granted("c", 10, 12), granted("d", 17, 20)} {
				l.land(l.made(m), m) // Unanswered.
			}
			a := l.full("e")
			m := granted("f", 30, 34)
			l.land(l.made(m), m) // The answer comes behind what changes the space.
			c.change(a)
			l.land(l.made(a), a)
			finds(t, l.judged(0), c.want...)
			finds(t, l.judged(1)) // What the space had is not known.
		})
	}
}

// TestRoomAgreesWithTheCore: whatever happens to a space, and however late the answer comes,
// the judge counts what the space had as the core did.
func TestRoomAgreesWithTheCore(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(r *rapid.T) {
		l := newLog(t)
		draw := func(name string, most int) int64 { return int64(rapid.IntRange(0, most).Draw(r, name)) }
		l.does(declared(draw("first", 5), 30))
		var late []*events.IdsAnswered
		for range draw("steps", 80) {
			if a := l.full("e"); a != nil {
				late = append(late, a)
			}
			l.does(step(l, draw))
			if n := len(late); n > 0 && draw("answer", 2) == 0 {
				l.land(l.made(late[n-1]), late[n-1])
				late = late[:draw("answered", n-1)]
			}
		}
		for _, a := range late {
			l.land(l.made(a), a)
		}
		if report := l.judged(0); !report.OK() {
			r.Fatalf("findings in a sound log: %+v", report.Findings)
		}
	})
}

// step is something that may change a space.
func step(l *log, draw func(string, int) int64) proto.Message {
	id, from := fmt.Sprintf("r%d", draw("request", 15)), draw("from", 31)
	to := from + draw("more", 4)
	switch draw("what", 7) {
	case 0, 1, 2:
		return leased(id, from, to, 20*draw("lease", 2))
	case 3:
		return released(id)
	case 4:
		return &events.IdsRangeReleased{Space: "s", RequestId: id, Owner: "o", From: from, To: to}
	case 5:
		now, _ := l.fold.Now()
		return &events.LogTimePassed{FromMs: now, ToMs: now + 1 + draw("ms", 150)}
	}
	return []proto.Message{
		&events.IdsSpaceDeleted{Space: "s", Force: draw("force", 1) == 1}, declared(draw("first", 5), 30+draw("last", 3)),
		&events.IdsSpaceGrown{Space: "s", To: 30 + draw("end", 3)},
	}[draw("rule", 2)]
}

// TestRoomIsForgotten: what lies behind the horizon is, but for the moment that lasts.
func TestRoomIsForgotten(t *testing.T) {
	t.Parallel()
	r := rooms{moments: map[string][]moment{}}
	s := &space{}
	s.bounds(1, 10)
	for at := range int64(10) {
		s.live = at
		r.note("s", s, at)
		r.note("gone", nil, at)
	}
	if _, ok := r.at("gone", 5); ok {
		t.Error("a space that is gone has room")
	}
	r.note("other", s, calls.Horizon+5)
	if n := len(r.moments["s"]); n != 6 {
		t.Errorf("%d moments of the space are kept, want those from offset 5 on", n)
	}
	if has, ok := r.at("s", 5); !ok || has.live != 4 {
		t.Errorf("at the horizon it had %v, %t", has, ok)
	}
	if _, kept := r.moments["gone"]; kept {
		t.Error("a space that is gone is kept for ever")
	}
}
