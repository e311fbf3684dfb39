package idspace

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
)

// busy is a world in which all sorts of things are: what waits and what runs, live, resting,
// free and ended.
func busy(tb testing.TB) *world {
	w := newWorld(tb)
	w.must(declared(1, 20), leased("a", 1, 3, 50), granted("b", 4, 8), part("b", 5, 6), granted("c", 9, 9), released("c"))
	w.pass(1)
	w.pass(100)
	w.must(leased("d", 12, 12, 500), part("b", 8, 8), granted("e", 9, 9))
	w.must(&events.IdsSpaceDeclared{Space: "t", To: 1 << 40, QuarantineMs: 9, MaxCount: 1 << 40, AtMs: 1_700_000_000_000},
		&events.IdsRangeGranted{Space: "t", RequestId: "a", From: 7, To: 1 << 39, AtMs: 1_700_000_900_000}, &events.IdsSpaceDeleted{Space: "t", Force: true})
	return w
}

// goesOn has a core do all that it does.
func goesOn(w *world, stopped func(string, ...any)) {
	w.must(&events.IdsSpaceDeclared{Space: "after", From: 1, To: 9, QuarantineMs: 1, MaxCount: 9})
	for i, s := range w.core.sorted() {
		r := s.Room()
		if r.Free+r.Live+r.Quarantined != r.Size || min(r.Free, r.Live, r.Quarantined, r.LargestFree) < 0 {
			stopped("the space %.20q has %v", s.rules.Name, r)
		}
		s.Fragmentation()
		s.Exhaustion(1_700_000_900_000)
		from, to, code := s.Propose(1)
		if code != "" || s.deleted {
			continue
		}
		id := fmt.Sprintf("after %d", i)
		m := &events.IdsRangeGranted{Space: s.rules.Name, RequestId: id, From: from, To: to, LeaseMs: 5}
		if got := w.call(m); got != "" {
			stopped("what the space %.20q proposes is refused: %s", s.rules.Name, got)
		}
	}
	for range 3 {
		w.pass(3_600_000)
	}
	w.call(released("b"))
	w.call(deleted(true))
}

// absurdly folds an absurd record into a busy world, and has the core, or one restored from
// its snapshot, go on.
func absurdly(t *testing.T, name string, m proto.Message, restore bool) {
	t.Helper()
	w := busy(t)
	stopped := func(what string, args ...any) {
		t.Helper()
		t.Errorf("%s with %s: %s", events.TypeOf(m), name, fmt.Sprintf(what, args...))
	}
	before := w.core.Snapshot(nil)
	code := w.call(m)
	state := w.core.Snapshot(nil)
	if _, passed := m.(*events.LogTimePassed); code != "" && !passed && string(state) != string(before) {
		stopped("it is refused with %s, and changed the state", code)
	}
	fresh := newWorld(t)
	if err := fresh.fold.Restore(w.fold.Snapshot(nil)); err != nil {
		stopped("its snapshot cannot be restored: %v", err)
		return
	}
	if again := fresh.core.Snapshot(nil); string(again) != string(state) {
		stopped("the restored state has another snapshot")
	}
	if restore {
		fresh.log = w.log
		w = fresh
	}
	goesOn(w, stopped)
}

// TestAbsurdEvents: whatever a record says, the fold goes on, and counts all identifiers. It
// takes every type of the catalogue.
func TestAbsurdEvents(t *testing.T) {
	t.Parallel()
	known := []eventstest.Known{
		{"space": "s", "request_id": "b", "owner": "o", "from": int64(4), "to": int64(4)},
		{"space": "s", "request_id": "new", "owner": "o", "from": int64(10), "to": int64(11), "lease_ms": int64(7)},
		{"space": "s", "request_id": "a", "owner": "o", "from": int64(1), "to": int64(1) << 50, "quarantine_ms": int64(7), "max_count": int64(9)},
	}
	for _, typ := range events.Types() {
		if events.KindOf(typ) != events.Event || !strings.HasPrefix(string(typ), "spanway.ids.") && typ != events.TypeLogTimePassed {
			continue
		}
		tried := 0
		for i, known := range known {
			for name, m := range eventstest.Absurd(typ, known) {
				tried++
				absurdly(t, fmt.Sprintf("%s (about %d)", name, i), m, tried%2 == 0)
			}
		}
		if tried == 0 {
			t.Errorf("nothing absurd is known of %s", typ)
		}
	}
}

// TestRestoreRefuses: a state of which any byte was changed, or that ends too early, is
// refused, or gives a core that goes on.
func TestRestoreRefuses(t *testing.T) {
	t.Parallel()
	state := busy(t).core.Snapshot(nil)
	random := rand.New(rand.NewPCG(1, 2))
	refused := 0
	for i := range state {
		for _, changed := range [][]byte{state[:i], append(state[:i:i], state[i]^byte(1<<random.IntN(8))), append(append(state[:i:i], byte(random.Uint32())), state[i+1:]...)} {
			if !restores(t, changed) {
				refused++
			}
		}
	}
	if refused < len(state) {
		t.Errorf("%d of %d malformed states were refused", refused, 3*len(state))
	}
	if err := New().Restore(append([]byte{stateVersion + 1}, state[1:]...)); err == nil || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("a state of a newer version: %v", err)
	}
}

// stateOfVersion1 is what version 1 wrote of the busy world.
const stateOfVersion1 = "0165020173011464050000040161016f0102320000010800000162016f0404000000020000000164016f0c00f403000008000100f403" +
	"0165016f09000000010a0000000802020100070001c901000101010100010001010100020101090100640001020301000100010102010163016f09000000000" +
	"40600017400808080808020098080808080200b010101610007f9ffffffff0f0000000c0e000002060000f9ffffffff0f0201000d010009000294aac10d00a4aac10dfaffffffff0f"

// A state of version 1 is read, but not one that such as wrote it could not have written.
func TestRestoresAStateOfVersion1(t *testing.T) {
	t.Parallel()
	first, err := hex.DecodeString(stateOfVersion1)
	if err != nil {
		t.Fatal(err)
	}
	c, now := New(), busy(t).core.Snapshot(nil)
	if err := c.Restore(first); err != nil || string(c.Snapshot(nil)) != string(now) || now[0] != 2 {
		t.Errorf("it has the snapshot %x, want %x; %v", c.Snapshot(nil), now, err)
	}
	w := newWorld(t)
	w.must(declared(1, 9), together(granted("a", 1, 2), granted("b", 3, 4)))
	state := w.core.Snapshot(nil)
	if err := New().Restore(state); err != nil {
		t.Errorf("two grants of one offset: %v", err)
	}
	if state[0] = 1; New().Restore(state) == nil {
		t.Error("version 1 has two grants of one offset")
	}
}

func restores(t *testing.T, state []byte) bool {
	w := newWorld(t)
	if w.core.Restore(state) != nil {
		if len(w.core.spaces) != 0 {
			t.Error("what is refused left something")
		}
		return false
	}
	again := New()
	if err := again.Restore(w.core.Snapshot(nil)); err != nil {
		t.Errorf("the state restored from %x has a snapshot that cannot be restored", state)
	}
	if w.core.now > 1<<60 || w.core.spaces["after"] != nil {
		return true // No log has that time; or what follows is there already.
	}
	now := binary.AppendUvarint(nil, uint64(w.core.now))
	if err := w.fold.Restore(append(append([]byte{1}, now...), append([]byte{0, 1, 0, 0}, state...)...)); err != nil {
		t.Fatalf("in a fold: %v", err)
	}
	goesOn(w, t.Errorf)
	return true
}

func FuzzRestore(f *testing.F) {
	f.Add(busy(f).core.Snapshot(nil))
	f.Add(New().Snapshot(nil))
	f.Fuzz(func(t *testing.T, state []byte) { restores(t, state) })
}
