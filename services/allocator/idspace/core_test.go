package idspace

import (
	"math"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// The states of identifiers, from the first grant to the second one.
func TestTheLifeOfARange(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(declared(1, 9), granted("a", 1, 3), granted("b", 4, 5))
	w.is("1-3a!1 4-5b!1")
	w.must(part("a", 2, 2))
	w.is("1-1a!1 2-2a~1 3-3a!1 4-5b!1")
	w.must(released("b"))
	w.pass(10) // Both begin to rest.
	w.pass(99)
	w.is("1-1a!1 2-2a~1 3-3a!1 4-5b~1")
	w.pass(1)
	w.is("1-1a!1 2-21 3-3a!1 4-51")
	w.must(released("a"))
	w.pass(1)
	w.pass(100)
	w.is("1-51")
	w.must(granted("c", 5, 7)) // Out of what was freed into what was never used.
	w.is("1-41 5-7c!2")
	if g, ok := w.core.Space("s").Grant("c"); !ok || g.Generation != 1 || g.Offset != w.verdict.Offset || g.Ended != -1 {
		t.Fatalf("the grant is %+v", g)
	}
	w.must(granted("d", 9, 9)) // What is passed over is free, together with its neighbours.
	w.is("1-41 5-7c!2 8-80 9-9d!1")
}

// A lease begins with the move of the time behind its record, however long the time had
// stood still before: it is never shorter than asked.
func TestALeaseIsNeverShorter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(declared(1, 9), leased("a", 1, 2, 160))
	if due := w.fold.Due(); due != 10 {
		t.Fatalf("the time is to move at %d; want at a sixteenth of what begins then", due)
	}
	w.pass(3_600_000) // The hour before the grant.
	w.is("1-2a!1")
	if due := w.fold.Due(); due != 3_600_160 {
		t.Fatalf("the lease ends at %d", due)
	}
	w.pass(100)
	w.must(renewed("a", 1000))
	w.pass(3000)
	w.pass(999)
	w.is("1-2a!1")
	w.pass(1)
	w.is("1-2a~1") // It rests from the end of its lease on.
	w.pass(99)
	w.is("1-2a~1")
	w.pass(1)
	w.is("1-21")
	w.must(leased("b", 1, 1, 10), renewed("b", 0))
	w.pass(10)
	w.pass(3_600_000)
	w.is("1-1b!2 2-21")
	if w.fold.Due() != math.MaxInt64 {
		t.Fatal("something is due that was renewed for ever")
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	with := func(m proto.Message, set func()) proto.Message { set(); return m }
	longID := strings.Repeat("x", events.MaxIDBytes+1)
	grant := func(set func(*events.IdsRangeGranted)) proto.Message {
		m := granted("new", 7, 8)
		return with(m, func() { set(m) })
	}
	declare := func(set func(*events.IdsSpaceDeclared)) proto.Message {
		m := declared(1, 20)
		return with(m, func() { set(m) })
	}
	other := granted("live", 7, 8)
	other.Owner = "x"
	foreign, foreignRenewal := released("live"), renewed("live", 5)
	foreign.Owner, foreignRenewal.Owner = "x", "x"
	reserved := granted("reserved", 19, 20)
	reserved.Reserved = true
	elsewhere := granted("reserved", 7, 8)
	elsewhere.Reserved = true
	cases := []struct {
		name string
		call proto.Message
		want events.Code
	}{
		{"no message", nil, events.CodeBadData},
		{"a command", &events.IdsRangeRequested{Space: "s"}, events.CodeBadData},
		{"a record of a queue", &events.QueueEnqueued{Id: "x"}, events.CodeBadData},
		{"an unknown space", grant(func(m *events.IdsRangeGranted) { m.Space = "x" }), events.CodeUnknownSpace},
		{"a space that was deleted", &events.IdsRangeGranted{Space: "gone", RequestId: "x", From: 1, To: 1}, events.CodeUnknownSpace},
		{"no request ID", grant(func(m *events.IdsRangeGranted) { m.RequestId = "" }), events.CodeBadData},
		{"a long request ID", grant(func(m *events.IdsRangeGranted) { m.RequestId = longID }), events.CodeBadData},
		{"control characters", grant(func(m *events.IdsRangeGranted) { m.RequestId = "a\x1b[2J" }), events.CodeBadData},
		{"a long owner", grant(func(m *events.IdsRangeGranted) { m.Owner = longID }), events.CodeBadData},
		{"a negative lease", grant(func(m *events.IdsRangeGranted) { m.LeaseMs = -1 }), events.CodeBadData},
		{"an endless lease", grant(func(m *events.IdsRangeGranted) { m.LeaseMs = MaxMs + 1 }), events.CodeBadData},
		{"no identifiers", grant(func(m *events.IdsRangeGranted) { m.From = 9 }), events.CodeBadData},
		{"negative identifiers", grant(func(m *events.IdsRangeGranted) { m.From, m.To = -2, -1 }), events.CodeBadData},
		{"below the space", grant(func(m *events.IdsRangeGranted) { m.From, m.To = 0, 0 }), events.CodeOutOfBounds},
		{"beyond the space", grant(func(m *events.IdsRangeGranted) { m.From, m.To = 20, 21 }), events.CodeOutOfBounds},
		{"all there is", grant(func(m *events.IdsRangeGranted) { m.From, m.To = 0, math.MaxInt64 }), events.CodeOutOfBounds},
		{"beyond the limit", grant(func(m *events.IdsRangeGranted) { m.From, m.To = 7, 12 }), events.CodeBadCount},
		{"a live range", grant(func(m *events.IdsRangeGranted) { m.From, m.To = 1, 1 }), events.CodeRangeTaken},
		{"a part of one", grant(func(m *events.IdsRangeGranted) { m.From, m.To = 6, 10 }), events.CodeRangeTaken},
		{"a range that rests", grant(func(m *events.IdsRangeGranted) { m.From, m.To = 3, 4 }), events.CodeRangeTaken},
		{"the same again", granted("live", 1, 2), events.CodeAlreadyGranted},
		{"the same again, proposed elsewhere", granted("live", 7, 8), events.CodeAlreadyGranted},
		{"the same again, when it has ended", granted("ended", 3, 4), events.CodeGrantEnded},
		{"a request ID with another count", granted("live", 7, 7), events.CodeRequestMismatch},
		{"a request ID with another owner", other, events.CodeRequestMismatch},
		{"a request ID with another lease", leased("live", 7, 8, 5), events.CodeRequestMismatch},
		{"a request ID with other identifiers", elsewhere, events.CodeRequestMismatch},
		{"renewing in an unknown space", &events.IdsGrantRenewed{Space: "x", RequestId: "live", Owner: "o"}, events.CodeUnknownSpace},
		{"renewing an unknown grant", renewed("x", 1), events.CodeUnknownGrant},
		{"renewing what has ended", renewed("ended", 1), events.CodeGrantEnded},
		{"renewing under another owner", foreignRenewal, events.CodeNotOwner},
		{"renewing for a negative time", renewed("live", -1), events.CodeBadData},
		{"releasing under another owner", foreign, events.CodeNotOwner},
		{"releasing what is free", released("x"), events.CodeUnknownGrant},
		{"releasing what was released", released("ended"), events.CodeGrantEnded},
		{"releasing a part again", part("parts", 12, 13), events.CodeGrantEnded},
		{"releasing what another holds", part("live", 2, 3), events.CodeOutOfBounds},
		{"releasing nothing", part("live", 2, 1), events.CodeBadData},
		{"releasing a whole part", &events.IdsRangeReleased{Space: "s", RequestId: "live", Owner: "o", From: 1, To: 1, Whole: true}, events.CodeBadData},
		{"deleting an unknown space", &events.IdsSpaceDeleted{Space: "x"}, events.CodeUnknownSpace},
		{"deleting a space that is held", deleted(false), events.CodeSpaceHeld},
		{"growing an unknown space", &events.IdsSpaceGrown{Space: "x", To: 50}, events.CodeUnknownSpace},
		{"growing down", &events.IdsSpaceGrown{Space: "s", To: 19}, events.CodeOutOfBounds},
		{"growing too far", &events.IdsSpaceGrown{Space: "s", To: 1 << 53}, events.CodeOutOfBounds},
		{"creating it again with other rules", declare(func(m *events.IdsSpaceDeclared) { m.Create, m.MaxCount = true, 6 }), events.CodeSpaceExists},
		{"a narrower space", declare(func(m *events.IdsSpaceDeclared) { m.From = 2 }), events.CodeOutOfBounds},
		{"a space with no name", declare(func(m *events.IdsSpaceDeclared) { m.Space = "" }), events.CodeBadData},
		{"a space that ends before it begins", declare(func(m *events.IdsSpaceDeclared) { m.Space, m.To = "n", 0 }), events.CodeBadData},
		{"a space of negative identifiers", declare(func(m *events.IdsSpaceDeclared) { m.Space, m.From = "n", -1 }), events.CodeBadData},
		{"a space beyond 2^53", declare(func(m *events.IdsSpaceDeclared) { m.Space, m.To = "n", 1<<53 }), events.CodeBadData},
		{"a negative quarantine", declare(func(m *events.IdsSpaceDeclared) { m.Space, m.QuarantineMs = "n", -1 }), events.CodeBadData},
		{"a space that grants nothing", declare(func(m *events.IdsSpaceDeclared) { m.Space, m.MaxCount = "n", 0 }), events.CodeBadData},
		{"a false answer", &events.IdsAnswered{Space: "s", RequestId: "live", Granted: granted("live", 7, 8)}, events.CodeFalseAnswer},
		{"an answer about no grant", &events.IdsAnswered{Space: "s", RequestId: "x", Granted: granted("x", 7, 8)}, events.CodeFalseAnswer},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.must(declared(1, 20), granted("live", 1, 2), granted("ended", 3, 4), released("ended"), granted("held", 10, 10),
				granted("parts", 11, 14), part("parts", 12, 13), reserved, &events.IdsSpaceDeclared{Space: "gone", To: 9, MaxCount: 1},
				&events.IdsSpaceDeleted{Space: "gone"})
			before := w.core.Snapshot(nil)
			if code := w.call(c.call); code != c.want {
				t.Errorf("the code is %q; want %q", code, c.want)
			}
			if string(w.core.Snapshot(nil)) != string(before) {
				t.Error("what was refused changed the state")
			}
		})
	}
}

// What is not refused although it looks like it.
func TestAcceptedAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	create := declared(5, 9)
	create.Create = true
	w.must(create, create, granted("a", 6, 7))
	w.must(declared(2, 12), &events.IdsSpaceGrown{Space: "s", To: 12})
	w.is("2-50 6-7a!1")
	w.must(&events.IdsAnswered{Space: "s", RequestId: "a", Granted: granted("a", 6, 7)}, &events.IdsAnswered{Space: "s", RequestId: "b", Code: "EXHAUSTED"})
	forced := released("a")
	forced.Owner, forced.Force = "operator", true
	w.must(forced)
	w.is("2-50 6-7a~1")
	w = newWorld(t)
	w.must(declared(5, 9), declared(2, 9)) // Nothing of it was granted.
	if from, to, _ := w.core.Space("s").Propose(3); from != 2 || to != 4 {
		t.Errorf("[%d, %d] is proposed", from, to)
	}
}

// A space whose ranges rest is kept although it was deleted; declared again, it is the same.
func TestDeletedSpaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(declared(1, 9), granted("a", 2, 3), leased("b", 4, 4, 50), deleted(true))
	if w.core.Space("s") != nil {
		t.Fatal("the space is there")
	}
	if code := w.call(declared(1, 5)); code != events.CodeRangeTaken {
		t.Fatalf("a narrower one is declared while ranges rest: %q", code)
	}
	create := declared(1, 9)
	create.Create, create.MaxCount = true, 7
	w.must(create)
	w.is("1-10 2-3a~1 4-4b~1")
	if code := w.call(granted("c", 2, 2)); code != events.CodeRangeTaken {
		t.Fatalf("what rests is granted: %q", code)
	}
	w.must(deleted(false))
	w.pass(1)
	w.pass(100)
	if w.fold.Due() != math.MaxInt64 || len(w.core.spaces) != 0 {
		t.Fatal("something is left of a deleted space")
	}
	w.must(declared(3, 4), granted("a", 3, 3)) // Another space of that name.
	w.is("3-3a!1")
}

func TestPropose(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	rules := declared(1, 20)
	rules.QuarantineMs, rules.MaxCount = 0, 20
	w.must(rules, granted("a", 1, 3), granted("b", 4, 4), granted("c", 5, 6), granted("d", 7, 7), granted("e", 8, 9), granted("f", 10, 10))
	w.must(released("a"), released("c"), released("e"))
	for count, want := range map[int64]int64{1: 5, 2: 5, 3: 1, 4: 11, 10: 11} {
		if from, to, code := w.core.Space("s").Propose(count); from != want || to != want+count-1 || code != "" {
			t.Errorf("%d identifiers: [%d, %d] %s is proposed; want it at %d", count, from, to, code, want)
		}
	}
	w.must(released("f")) // Free at the end, together with what was never used.
	if from, to, code := w.core.Space("s").Propose(13); from != 8 || to != 20 || code != "" {
		t.Errorf("[%d, %d] %s is proposed", from, to, code)
	}
	for count, want := range map[int64]events.Code{14: events.CodeExhausted, 0: events.CodeBadCount, -1: events.CodeBadCount, 21: events.CodeBadCount} {
		if _, _, code := w.core.Space("s").Propose(count); code != want {
			t.Errorf("%d identifiers: the code is %q; want %q", count, code, want)
		}
	}
	want := &events.IdsRoom{Size: 20, Free: 18, Live: 2, LargestFree: 13}
	if room := w.core.Space("s").Room(); !proto.Equal(room, want) {
		t.Errorf("there is %v; want %v", room, want)
	}
	if f := w.core.Space("s").Fragmentation(); f < 0.27 || f > 0.28 {
		t.Errorf("the fragmentation is %f", f)
	}
}

// The forecast is by the minutes in which something happened lately.
func TestExhaustion(t *testing.T) {
	t.Parallel()
	minute := time.Minute.Milliseconds()
	w := newWorld(t)
	rules := declared(1, 1000)
	rules.AtMs = 1000 * minute
	w.must(rules)
	if _, ok := w.core.Space("s").Exhaustion(1001 * minute); ok {
		t.Error("nothing was granted, yet it ends")
	}
	at := func(id string, n, minutes int64) {
		m := granted(id, n, n)
		m.AtMs = minutes * minute
		w.must(m)
	}
	at("a", 1, 1001)
	at("b", 2, 1002)
	at("c", 3, 100_000_000) // A clock that is wrong.
	at("d", 4, 1004)        // The window begins anew.
	at("e", 5, 1005)
	at("f", 6, -1)
	at("g", 7, math.MaxInt64/minute)
	at("h", 8, 1006)
	if left, ok := w.core.Space("s").Exhaustion(1012 * minute); ok {
		t.Errorf("it ends in %v; but only 9 minutes are seen", left)
	}
	if left, ok := w.core.Space("s").Exhaustion(1013 * minute); !ok || left != 992*2*time.Minute {
		t.Errorf("it ends in %v; 992 are free, and 5 were taken in 10 minutes", left)
	}
}

// A request ID is remembered until so many others have ended.
func TestEndedGrantsAreForgotten(t *testing.T) {
	t.Parallel()
	core := New()
	core.maxEnded = 2
	w := worldOf(t, core)
	w.must(declared(1, 9))
	for _, id := range []string{"a", "b", "c"} {
		w.must(granted(id, 1, 1), released(id))
		w.pass(1)
		w.pass(100)
	}
	if _, ok := core.Space("s").Grant("a"); ok {
		t.Error("the oldest is remembered")
	}
	if g, ok := core.Space("s").Grant("b"); !ok || g.Live+g.Resting != 0 || g.Generation != 1 || g.Ended < 0 {
		t.Errorf("an ended grant is %+v", g)
	}
	if open, ended := core.Space("s").Grants(); open != 0 || ended != 2 {
		t.Errorf("%d grants are open, %d have ended", open, ended)
	}
	w.must(granted("a", 1, 1))
	w.is("1-1a!4")
}

func TestAt(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.must(declared(1, 9), leased("a", 2, 4, 50), part("a", 4, 4))
	w.pass(7)
	s := w.core.Space("s")
	if r, ok := s.At(3); !ok || r.State != Live || r.Grant.Owner != "o" || r.Since != 1 || r.Until != 57 {
		t.Errorf("3 is %+v", r)
	}
	if r, ok := s.At(4); !ok || r.State != Resting || r.Since != 2 || r.Until != 107 {
		t.Errorf("4 is %+v", r)
	}
	if r, ok := s.At(8); !ok || r.State != Free || r.From != 5 || r.To != 9 || r.Grant != nil {
		t.Errorf("8 is %+v", r)
	}
	for _, id := range []int64{0, 10, -1, math.MaxInt64, math.MinInt64} {
		if r, ok := s.At(id); ok {
			t.Errorf("%d is %+v", id, r)
		}
	}
}
