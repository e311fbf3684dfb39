package placement

import (
	"math"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// TestWakes: what a State says of when it has something to do. That it is never too late is
// checked by every world (see world.sleeps).
func TestWakes(t *testing.T) {
	t.Parallel()
	const never = math.MaxInt64
	w := newWorld(t, Config{})
	is := func(what string, now, readTo int64) {
		t.Helper()
		w.advance()
		if a, b := w.state.Wakes(); a != now || b != readTo {
			t.Errorf("%s: it is to be woken at %d, and once it has read to %d; want %d and %d", what, a, b, now, readTo)
		}
	}
	is("nothing there", never, never)
	w.engine("e1", "i1", map[string]int64{"slots": 1}, nil)
	lease := w.now + w.cfg.TTL.Milliseconds()
	is("an engine", never, lease)
	w.now += 1_000
	w.submit("later", "true")
	w.now += 1_000
	is("a task is assigned", never, lease)
	w.send(&events.TaskRequested{TaskId: "soon", Pool: blue, Kind: "k", ScheduleTimeout: "2s", Predicate: "false"})
	is("one that waits for two seconds", w.now+2_000, lease)
	blocked := w.now + DefaultReserveAfter.Milliseconds() // An engine may be reserved for the like of it.
	w.now = lease
	is("silence is looked for now and then", blocked, lease+leaseCheckMs-1)
	w.now += leaseCheckMs
	is("the engine is lost", blocked, never)
}

// TestWakesByTheClockOfTheHost: the times of events may be ahead of the host's clock, by
// which it is woken.
func TestWakesByTheClockOfTheHost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	w.submit("before", "false")
	w.advance()
	w.failover(-60_000)
	w.advance()
	w.send(&events.TaskRequested{TaskId: "soon", Pool: blue, Kind: "k", ScheduleTimeout: "2s", Predicate: "false"})
	w.advance()
	if now, _ := w.state.Wakes(); now != w.now+2_000 {
		t.Errorf("it is to be woken after %d ms, want 2000", now-w.now)
	}
	for ended := w.now + 3_000; w.task("soon") != nil; w.now, _ = w.state.Wakes() {
		if w.now > ended {
			t.Fatal("it does not end")
		}
		w.advance()
	}
}
