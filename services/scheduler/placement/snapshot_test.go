package placement

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

// restored is a State made of what s would write as a snapshot.
func restored(tb interface{ Fatalf(string, ...any) }, s *State) *State {
	bytesOf := s.Snapshot(nil)
	r := New(s.cfg)
	if err := r.Restore(bytesOf); err != nil {
		tb.Fatalf("a snapshot cannot be restored: %v", err)
	}
	if again := r.Snapshot(nil); !bytes.Equal(bytesOf, again) {
		tb.Fatalf("a snapshot that was restored gives %d other bytes than the %d it was restored from", len(again), len(bytesOf))
	}
	return r
}

// twins are a State that folded the whole log and one that was restored from a
// snapshot of it. They get the same inputs and must do the same. Neither has decided
// before: a takeover, on both sides, for it loses what only the owner knew (see Crash
// in doc.go).
type twins struct {
	*chaos
	twin *State
}

// separate makes the twins, from a snapshot that the deciding State writes.
func (c *twins) separate() {
	c.twin = restored(c.t, c.state)
	whole := New(c.cfg)
	for _, l := range c.log {
		whole.Apply(l)
	}
	if a, b := whole.Hash(), c.state.Hash(); a != b {
		c.t.Fatalf("the State that decided has hash %x, the one that only folded %x", b, a)
	}
	c.state = whole
	c.world.decided = c.follow
	c.world.failedOver = func() { c.twin = restored(c.t, c.twin) }
}

// follow has the twin do what the other one just did, and compares.
func (c *twins) follow(do func(s *State, emit func(proto.Message)), before int) {
	at := before
	do(c.twin, func(m proto.Message) {
		if at >= len(c.log) {
			c.t.Fatalf("the restored State goes on with %s %v", events.TypeOf(m), m)
		}
		want := c.log[at]
		if !proto.Equal(m, want.Message) {
			c.t.Fatalf("at %d the restored State decides\n%s %v, the other\n%s %v", at, events.TypeOf(m), m, want.Type, want.Message)
		}
		c.twin.Apply(events.Logged{Offset: want.Offset, Epoch: want.Epoch, N: want.N, Type: want.Type, Message: proto.Clone(m)})
		at++
	})
	if at != len(c.log) {
		c.t.Fatalf("the restored State decides %d events, the other %d", at-before, len(c.log)-before)
	}
	c.compare(before)
}

func (c *twins) compare(before int) {
	if before == len(c.log) {
		return
	}
	if a, b := c.state.Hash(), c.twin.Hash(); a != b {
		c.t.Fatalf("after %d events the hash is %x, that of the restored State %x", len(c.log), a, b)
	}
	for _, l := range c.log[before:] {
		if a, b := c.publish(c.state, l), c.publish(c.twin, l); a != b {
			c.t.Fatalf("%s at %d causes\n%q, with the restored State\n%q", l.Type, l.Offset, a, b)
		}
	}
	if a, b := c.shown(c.state), c.shown(c.twin); a != b {
		c.t.Fatalf("the State shows\n%s\nthe restored one\n%s", a, b)
	}
	if a, b := c.state.Floor(), c.twin.Floor(); a != b {
		c.t.Fatalf("the floor is %d, that of the restored State %d", a, b)
	}
}

// shown is all that is shown of a State.
func (c *twins) shown(s *State) string {
	var out strings.Builder
	e := json.NewEncoder(&out)
	for v := range s.Engines(blue) {
		_ = e.Encode(v)
	}
	for v := range s.Tasks(blue) {
		_ = e.Encode(v)
		x, _ := s.Explain(blue, events.TaskID(v.ID), c.now)
		_ = e.Encode(x)
	}
	return out.String()
}

// TestRestoredStateGoesOnAlike: G5. At a random point of a random history a State
// is restored from a snapshot; from there on it does what the other one does.
func TestRestoredStateGoesOnAlike(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := &twins{chaos: newChaos(rt, t, Config{})}
		before, after := rapid.IntRange(0, 40).Draw(rt, "before"), rapid.IntRange(1, 30).Draw(rt, "after")
		for i := range before + after {
			if i == before {
				c.separate()
			}
			c.step()
			if c.draw(3, "advance") > 0 {
				c.advance()
			}
		}
		c.finishAll()
	})
}

// TestFloor: what has not ended pins its payload, and dead letters do until they
// are published.
func TestFloor(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 10}, nil)
	submit := func(id string, payload string) {
		w.send(&events.TaskRequested{
			TaskId: id, Pool: blue, Kind: "k", Payload: []byte(payload), Retry: &events.RetryRequested{MaxAttempts: proto.Int32(1)},
		})
	}
	want := func(when string, floor int64) {
		t.Helper()
		if a, b := w.state.Floor(), restored(t, w.state).Floor(); a != floor || b != floor {
			t.Errorf("%s: the floor is %d, restored %d, want %d", when, a, b, floor)
		}
	}
	want("nothing waits", math.MaxInt64)
	submit("bare", "")
	want("a task without payload waits", math.MaxInt64)
	first := w.offset
	submit("a", "A")
	second := w.offset
	submit("b", "B")
	want("two wait", first)
	w.advance()
	w.finish("a", events.AttemptFinished_SUCCEEDED)
	want("one runs", second)
	w.finish("b", events.AttemptFinished_FAILED)
	want("its copy is not published", second)
	w.emit(&events.LogPublished{Through: w.offset})
	want("it is", math.MaxInt64)
	again := w.offset
	w.send(&events.TaskRetryRequested{TaskId: "b", Pool: blue})
	want("a retry refers to the first request", second)
	if task := w.log[again].Message.(*events.TaskAccepted).Task; task.PayloadAt != second || task.Payload != nil {
		t.Errorf("the retry is %v", task)
	}
	if n := w.task("b.r1").payloadLen; n != 1 {
		t.Errorf("the retry's payload has %d bytes", n)
	}
	w.advance()
	a, _ := w.last(events.TypeTaskAssigned)
	if out, _ := w.publish(w.state, a); string(out.Message.(*events.TaskAssigned).Task.Payload) != "B" {
		t.Errorf("the retry was sent out as %v", out.Message)
	}
	out, _ := w.state.caused(a)
	if err := out.Complete(&events.LogPublished{}); err == nil {
		t.Error("a payload was taken from what is no acceptance")
	}
}

// TestFirstVersionKeepsItsLog: it has no way to forget what refers to what is deleted.
func TestFirstVersionKeepsItsLog(t *testing.T) {
	s := New(Config{FoldVersion: 1})
	if floor := s.Floor(); floor != 0 {
		t.Errorf("the floor is %d, want 0: nothing may be deleted", floor)
	}
}

func TestRestoreRefuses(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 1}, map[string]any{"gpu": 1})
	w.submit("a", "engine.labels.gpu == 1")
	w.submit("b", "")
	w.advance()
	whole := w.state.Snapshot(nil)
	for n := range whole {
		s := New(w.cfg)
		if err := s.Restore(whole[:n]); err == nil || !strings.Contains(err.Error(), fmt.Sprintf("of %d: expected", n)) {
			t.Fatalf("the first %d of %d bytes: %v", n, len(whole), err)
		}
		if s.Hash() != New(w.cfg).Hash() {
			t.Fatalf("the first %d of %d bytes were refused, and left something", n, len(whole))
		}
	}
	if err := New(w.cfg).Restore(append(whole, 0)); err == nil {
		t.Error("a byte too many was not noticed")
	}
	for _, at := range []int{0, 1} { // Format, fold version.
		other := bytes.Clone(whole)
		other[at] = 99
		if err := New(w.cfg).Restore(other); err == nil || !strings.Contains(err.Error(), "release") {
			t.Errorf("byte %d of a newer release: %v", at, err)
		}
	}
}

// TestUsageAcrossTakeover: who takes over waits as long with what falls, since when it
// was observed is folded. Heartbeats that leave something out are counted anew: they
// are no events, and the room is only found a little later.
func TestUsageAcrossTakeover(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 16}, nil)
	observed := 0
	w.onEvent = func(l events.Logged) {
		if l.Type == events.TypeEngineObserved {
			observed++
		}
	}
	beat := func(used map[string]int64) { w.beat(w.state.pools[blue].engines["e1"], used) }
	want := func(when string, n int) {
		t.Helper()
		if observed != n {
			t.Fatalf("%s: usage was observed %d times, not %d", when, observed, n)
		}
	}
	beat(map[string]int64{"slots": 8})
	want("at once", 1)
	takeOver := func() {
		w.state = restored(t, w.state)
		w.advance()
	}
	takeOver()
	w.now += usageFallsMs - 1
	beat(map[string]int64{"slots": 2})
	want("it fell too soon", 1)
	w.now++
	beat(map[string]int64{"slots": 2})
	want("it fell", 2)
	w.now += usageFallsMs
	for range maxUnmeasured - 1 {
		beat(nil)
	}
	takeOver()
	for range maxUnmeasured - 1 {
		beat(nil)
	}
	want("it was left out for a while", 2)
	beat(nil)
	want("it was left out for long", 3)
	if used := w.state.pools[blue].engines["e1"].used; used != nil {
		t.Errorf("%v is observed as used", used)
	}
}
