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

func (w *world) reasons(t *testing.T, want map[Reason]int64) {
	t.Helper()
	if got := w.state.Waits().Reasons; !maps.Equal(got, want) {
		t.Errorf("tasks wait by reason: %v, want %v", got, want)
	}
}
