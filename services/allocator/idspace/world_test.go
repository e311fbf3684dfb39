package idspace

import (
	"encoding/binary"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// world is a core in the fold of a log. Its time is moved as a host does it.
type world struct {
	tb      testing.TB
	core    *Core
	fold    *sharedlog.Fold
	log     []events.Logged
	verdict sharedlog.Verdict
}

func newWorld(tb testing.TB) *world { return worldOf(tb, New()) }

func worldOf(tb testing.TB, core *Core) *world {
	w := &world{tb: tb, core: core, fold: sharedlog.NewFold(core, sharedlog.Horizon)}
	w.fold.Decided = func(_ *sharedlog.Call, v sharedlog.Verdict) { w.verdict = v }
	return w
}

// call makes a call and returns what was decided of it.
func (w *world) call(m proto.Message) events.Code {
	l := events.Logged{Offset: int64(len(w.log)), Message: m, Call: &events.Called{Seen: int64(len(w.log))}}
	if m != nil {
		l.Type = events.TypeOf(m)
	}
	binary.BigEndian.PutUint64(l.Call.ID[:], uint64(len(w.log)))
	w.log = append(w.log, l)
	w.fold.Apply(l)
	return w.verdict.Code
}

// must makes calls that are to be accepted.
func (w *world) must(messages ...proto.Message) {
	w.tb.Helper()
	for _, m := range messages {
		if code := w.call(m); code != "" {
			w.tb.Fatalf("%s {%v} is refused: %s", events.TypeOf(m), m, code)
		}
	}
}

// pass moves the time on.
func (w *world) pass(ms int64) {
	w.tb.Helper()
	now, _ := w.fold.Now()
	w.must(&events.LogTimePassed{FromMs: now, ToMs: now + ms})
}

// is compares what the ranges of the space "s" are, as text, up to the next that was never
// used.
func (w *world) is(want string) {
	w.tb.Helper()
	s, got := w.core.Space("s"), ""
	if s == nil {
		w.tb.Fatal("the space s is unknown")
	}
	for r := range s.Ranges(0) {
		got += text(r) + " "
	}
	if want += " "; got != want {
		w.tb.Fatalf("the ranges are %s; want %s", got, want)
	}
}

func text(r Range) string {
	out := string('0'+rune(r.From)) + "-" + string('0'+rune(r.To))
	if r.Grant != nil {
		out += r.Grant.RequestID
	}
	return out + [...]string{"", "!", "~"}[r.State] + string('0'+rune(r.Granted))
}

func declared(from, to int64) *events.IdsSpaceDeclared {
	return &events.IdsSpaceDeclared{Space: "s", From: from, To: to, QuarantineMs: 100, MaxCount: 5}
}

func granted(id string, from, to int64) *events.IdsRangeGranted {
	return &events.IdsRangeGranted{Space: "s", RequestId: id, Owner: "o", From: from, To: to}
}

func leased(id string, from, to, ms int64) *events.IdsRangeGranted {
	m := granted(id, from, to)
	m.LeaseMs = ms
	return m
}

func renewed(id string, ms int64) *events.IdsGrantRenewed {
	return &events.IdsGrantRenewed{Space: "s", RequestId: id, Owner: "o", LeaseMs: ms}
}

func released(id string) *events.IdsRangeReleased {
	return &events.IdsRangeReleased{Space: "s", RequestId: id, Owner: "o", Whole: true}
}

func part(id string, from, to int64) *events.IdsRangeReleased {
	return &events.IdsRangeReleased{Space: "s", RequestId: id, Owner: "o", From: from, To: to}
}

func deleted(force bool) *events.IdsSpaceDeleted {
	return &events.IdsSpaceDeleted{Space: "s", Force: force}
}
