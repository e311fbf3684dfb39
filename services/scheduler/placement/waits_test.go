package placement

import (
	"maps"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Waiting tasks are counted by why they wait, as far as that costs no evaluation.
func TestWaitsByReason(t *testing.T) {
	w := newWorld(t, Config{})
	began := w.now
	w.submit("first", "")
	w.reasons(t, map[Reason]int64{NoEngine: 1})
	if got := w.state.Waits().OldestMs; got != began {
		t.Errorf("the oldest waits since %d, want %d", got, began)
	}
	w.now += 10_000
	w.engine("e", "i", map[string]int64{"slots": 2}, map[string]any{"gpu": false})
	w.send(&events.TaskRequested{TaskId: "limited", Pool: string(blue), Kind: "k", LimitKey: "l", Limit: proto.Int32(1)})
	w.advance()
	w.submit("false", "engine.labels.gpu == true")
	w.submit("full", "")
	w.send(&events.TaskRequested{TaskId: "over", Pool: string(blue), Kind: "k", LimitKey: "l", Limit: proto.Int32(1)})
	w.send(&events.TaskRequested{TaskId: "later", Pool: string(blue), Kind: "k", NotBefore: time.UnixMilli(w.now + 60_000).UTC().Format(time.RFC3339)})
	w.send(&events.TaskRequested{TaskId: "behind", Pool: string(blue), Kind: "k", After: []string{"full"}})
	w.advance()
	w.reasons(t, map[Reason]int64{PredicateFalse: 1, NoCapacity: 1, AtLimit: 1, NotBefore: 2})
	waits := w.state.Waits()
	if waits.OldestMs != w.now {
		t.Errorf("the oldest waits since %d, want %d: the first is running", waits.OldestMs, w.now)
	}
	if got := waits.Capacity["slots"]; got != (Capacity{Allocatable: 2, Promised: 2}) {
		t.Errorf("the capacity is %+v", got)
	}
}

// What a task ran, and what it waited for others, is no waiting for an engine; nor is what
// one did that came back and stands before others in the order.
func TestWhatRanHasNotWaited(t *testing.T) {
	w := newWorld(t, Config{})
	oldest := func(of string, want int64) {
		t.Helper()
		w.advance()
		if got := w.state.Waits().OldestMs; got != want {
			t.Errorf("%s: the oldest waits since %d, want %d", of, got, want)
		}
	}
	w.engine("e", "i", map[string]int64{"slots": 1}, nil)
	w.submit("long", "")
	w.send(&events.TaskRequested{TaskId: "behind", Pool: string(blue), Kind: "k", Predicate: "false", After: []string{"long"}})
	oldest("all run, or wait for others", 0)
	w.now += 600_000
	w.heartbeat("e")
	w.submit("other", "")
	accepted := w.now
	oldest("another one waits", accepted)
	w.now += 60_000
	w.send(&events.EngineLeaving{EngineId: "e", Incarnation: "i", Pool: blue, Departed: true})
	if w.task("long").status != waiting {
		t.Fatal("the task that ran does not wait")
	}
	oldest("the one that ran has come back", accepted)
	w.failover(0)
	oldest("and another one decides", accepted)
	w.now += 60_000
	w.engine("e", "j", map[string]int64{"slots": 1}, nil)
	oldest("the one that ran runs again", accepted)
	w.now += 60_000
	w.heartbeat("e")
	w.finish("long", events.AttemptFinished_SUCCEEDED)
	w.advance()
	oldest("what it waited for has succeeded", w.now)
}

// A backoff is no waiting for an engine.
func TestBackoffHasNotWaited(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e", "i", map[string]int64{"slots": 1}, nil)
	w.send(&events.TaskRequested{TaskId: "t", Pool: string(blue), Kind: "k", Retry: &events.RetryRequested{InitialBackoff: "10m", MaxBackoff: "10m"}})
	w.advance()
	w.now += 3600_000
	w.finish("t", events.AttemptFinished_FAILED)
	w.advance()
	w.send(&events.EngineLeaving{EngineId: "e", Incarnation: "i", Pool: blue, Departed: true})
	due := w.task("t").notBefore
	if due <= w.now {
		t.Fatalf("it waits until %d, it is %d", due, w.now)
	}
	w.now = due + 1_000
	w.advance()
	if got := w.state.Waits().OldestMs; got != due {
		t.Errorf("it waits since %d, want %d, the end of the backoff", got, due)
	}
}

func (w *world) reasons(t *testing.T, want map[Reason]int64) {
	t.Helper()
	if got := w.state.Waits().Reasons; !maps.Equal(got, want) {
		t.Errorf("tasks wait by reason: %v, want %v", got, want)
	}
}
