package placement

import (
	"fmt"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// last gives the newest event of that type.
func (w *world) last(typ events.Type) (events.Logged, bool) {
	for i := len(w.log) - 1; i >= 0; i-- {
		if w.log[i].Type == typ {
			return w.log[i], true
		}
	}
	return events.Logged{}, false
}

// TestEngineIsToldWhatItDidNotReport: it must stop what the scheduler took from
// it, and hear nothing of its own reports.
func TestEngineIsToldWhatItDidNotReport(t *testing.T) {
	run := map[string]func(w *world){
		"not received": func(w *world) {
			w.send(&events.EngineHeartbeat{EngineId: "e1", Incarnation: "1", Pool: blue, ReceivedEpoch: 1, ReceivedN: uint32(w.offset)})
		},
		"backstop": func(w *world) {
			w.state.pools[blue].engines["e1"].lastBeat += 20_000
			w.now += 16_000
			w.advance()
		},
		"returned": func(w *world) { w.finish("a", events.AttemptFinished_RETURNED) },
		"failed":   func(w *world) { w.finish("a", events.AttemptFinished_FAILED) },
		"timed out by the engine": func(w *world) {
			w.send(&events.AttemptFinished{TaskId: "a", Pool: blue, EngineId: "e1", Token: 1, Outcome: events.AttemptFinished_FAILED,
				Error: &events.TaskError{Code: codeTimeout, Message: "no result after 10s"}})
		},
	}
	for name, told := range map[string]bool{
		"not received": true, "backstop": true, "returned": false, "failed": false, "timed out by the engine": false,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, Config{})
			w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
			w.send(&events.TaskRequested{TaskId: "a", Pool: blue, Kind: "k", ExecutionTimeout: "10s"})
			w.advance()
			before := len(w.log)
			run[name](w)
			l := w.log[before]
			if l.Type != events.TypeTaskAttemptReturned && l.Type != events.TypeTaskAttemptFailed {
				t.Fatalf("what happened is %s", narrate(l))
			}
			out, ok := w.state.caused(l)
			if ok != told {
				t.Fatalf("published: %v, want %v", ok, told)
			}
			if ok && (string(out.Key) != "e1" || out.Topic != w.cfg.Topics.Assignments() ||
				out.Partition != events.EnginePartition("e1") || !proto.Equal(out.Message, l.Message)) {
				t.Errorf("published %v", out)
			}
		})
	}
}

// TestTakeoverEndsNothing: whatever the clocks of two owners say, the second one
// lets leases and timeouts of the first begin anew.
func TestTakeoverEndsNothing(t *testing.T) {
	for _, skew := range []int64{0, 3_600_000, -3_600_000, 86_400_000, -86_400_000} {
		t.Run(fmt.Sprint(skew), func(t *testing.T) {
			w := newWorld(t, Config{})
			w.now += 100 * 86_400_000
			w.engine("e1", "1", map[string]int64{"slots": 2}, nil)
			w.send(&events.TaskRequested{TaskId: "a", Pool: blue, Kind: "k", ExecutionTimeout: "4s"})
			w.send(&events.TaskRequested{TaskId: "b", Pool: blue, Kind: "k"})
			w.advance()
			w.finish("b", events.AttemptFinished_FAILED)
			w.now += 3_000
			w.failover(skew)
			before := len(w.log)
			w.advance()
			w.now += 500
			w.heartbeat("e1")
			w.advance()
			for _, l := range w.log[before:] {
				if l.Type != events.TypeTaskAssigned { // By a clock that is ahead, the retry is due.
					t.Fatalf("after the takeover: %s", narrate(l))
				}
			}
			w.now += 1_500 // The retry waits a second by any clock.
			w.advance()
			if w.task("b").status != assigned {
				t.Error("the retry does not run two seconds after the takeover")
			}
			w.now += 3_001
			w.advance()
			if _, lost := w.last(events.TypeEngineLost); lost {
				t.Error("lost within the TTL after a heartbeat")
			}
			w.heartbeat("e1")
			w.now += 4_500
			w.advance()
			if l, ok := w.last(events.TypeTaskAttemptFailed); !ok || !isBackstop(l.Message.(*events.TaskAttemptFailed)) {
				t.Error("no backstop 9 s after the takeover")
			}
			at := int64(0)
			for _, l := range w.log {
				m := l.Message.(interface{ GetAtMs() int64 })
				if m.GetAtMs() < at {
					t.Fatalf("%s is of %d, after an event of %d", l.Type, m.GetAtMs(), at)
				}
				at = m.GetAtMs()
			}
		})
	}
}

// TestTimeComesBack: times that were ahead are level with the clock in the end.
func TestTimeComesBack(t *testing.T) {
	s := New(Config{})
	s.passed(&events.TaskExpired{AtMs: 1_000_000})
	clock := func(now int64) int64 { return s.tell(events.Clock{Now: now}) }
	for _, c := range [][2]int64{{100_000, 1_000_000}, {116_000, 1_015_000}, {116_000, 1_015_000}, {50_000_000, 50_000_000}} {
		if got := clock(c[0]); got != c[1] {
			t.Errorf("at %d events are of %d, want %d", c[0], got, c[1])
		}
	}
}

// TestAClockAheadForgetsNothing: one owner's clock is days ahead.
func TestAClockAheadForgetsNothing(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	end := func(id string) {
		w.submit(id, "")
		w.advance()
		w.finish(id, events.AttemptFinished_SUCCEEDED)
	}
	end("a")
	w.failover(3 * windowMs)
	w.advance()
	end("b")
	w.failover(-3 * windowMs)
	w.advance()
	end("c")
	for _, id := range []string{"a", "b"} {
		w.submit(id, "")
		if l := w.log[len(w.log)-1]; l.Type != events.TypeTaskRepeated {
			t.Errorf("a second %s is %s", id, narrate(l))
		}
	}
	for range 26 * 60 { // More than a day in which something happens every minute.
		w.now += 61_000
		w.submit("b", "")
	}
	w.heartbeat("e1")
	end("d")
	w.submit("a", "")
	if l := w.log[len(w.log)-1]; l.Type != events.TypeTaskAccepted {
		t.Errorf("a day later a is still %s", narrate(l))
	}
}

// TestDeadLettersKeepTheirTask until the log says that they were published,
// however many tasks end meanwhile.
func TestDeadLettersKeepTheirTask(t *testing.T) {
	w := newWorld(t, Config{KeepEnded: 2, PayloadBytes: 10})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	for i := range 20 {
		id := fmt.Sprintf("t%d", i)
		w.send(&events.TaskRequested{TaskId: id, Pool: blue, Kind: "k", Payload: []byte(id), Retry: &events.RetryRequested{MaxAttempts: proto.Int32(1)}})
		w.advance()
		w.finish(id, events.AttemptFinished_FAILED)
	}
	letters := func() (n int) {
		for _, l := range w.log {
			if m, ok := l.Message.(*events.TaskDeadLettered); ok {
				if out, ok := w.publish(w.replica, l); !ok || out.Message.(*events.TaskDeadLettered).TaskId != m.TaskId {
					t.Fatalf("published %v", out)
				} else if task := out.Message.(*events.TaskDeadLettered).Task; string(task.GetPayload()) == m.TaskId {
					n++
				}
			}
		}
		return n
	}
	if n := letters(); n != 20 {
		t.Errorf("%d of 20 copies have their task", n)
	}
	tenth := int64(0)
	for _, l := range w.log {
		if m, ok := l.Message.(*events.TaskDeadLettered); ok && m.TaskId == "t10" {
			tenth = l.Offset
		}
	}
	w.emit(&events.LogPublished{Through: tenth})
	if n := letters(); n != 10 || w.replica.dying.len() != 10 {
		t.Errorf("%d copies have their task, %d tasks are held, want those of t10 to t19", n, w.replica.dying.len())
	}
	w.emit(&events.LogPublished{Through: w.offset})
	if n := w.replica.dying.len(); n != 0 {
		t.Errorf("%d tasks are held for nothing", n)
	}
}
