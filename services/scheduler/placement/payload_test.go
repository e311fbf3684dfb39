package placement

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// TestTaskWithoutPayloadEnds: if the payload that a task waits with is gone from the
// log, no engine can be given it. The task ends with a reason, and is not assigned
// for ever; one that an engine has goes on.
func TestTaskWithoutPayloadEnds(t *testing.T) {
	w := newWorld(t, Config{PayloadBytes: 1})
	w.engine("e1", "1", map[string]int64{"slots": 2}, nil)
	for _, id := range []string{"sent", "lost"} {
		w.send(&events.TaskRequested{TaskId: id, Pool: blue, Kind: "k", Payload: []byte("a payload")})
	}
	w.advance()
	for _, l := range w.log { // A new owner sends them again, and can read neither.
		if out, ok := w.state.caused(l); ok && l.Type == events.TypeTaskAssigned {
			out.Gone()
		}
	}
	e := w.state.pools[blue].engines["e1"]
	w.send(&events.EngineHeartbeat{
		EngineId: "e1", Incarnation: "1", Pool: blue, ReceivedEpoch: 1, ReceivedN: uint32(w.offset),
		Running: []uint64{w.task("sent").token},
	})
	w.advance()
	l, ok := w.last(events.TypeTaskFailed)
	if !ok || l.Message.(*events.TaskFailed).Error.Code != codePayloadLost || w.task("lost") != nil {
		t.Fatalf("the task whose payload is gone did not fail: %v", w.types())
	}
	if sent := w.task("sent"); sent == nil || sent.engine != e {
		t.Error("the task that its engine has does not run")
	}
	w.finish("sent", events.AttemptFinished_SUCCEEDED)
	w.send(&events.TaskRetryRequested{TaskId: "lost", Pool: blue})
	if l, ok := w.last(events.TypeTaskRejected); !ok || l.Message.(*events.TaskRejected).Code != string(events.CodeUnknownTask) {
		t.Errorf("a retry of it was not refused: %v", w.types())
	}
	if w.replica.Hash() != w.state.Hash() {
		t.Error("who only folds has another state")
	}
}

// TestPayloadThatStandsNowhere: an acceptance that refers to a place outside of the log, or
// to itself, costs its own task and nothing else.
func TestPayloadThatStandsNowhere(t *testing.T) {
	t.Parallel()
	for _, at := range []int64{99_999_999, -1, 1 << 62, 3} {
		w := newWorld(t, Config{})
		w.engine("e1", "i1", map[string]int64{"slots": 2}, nil)
		w.emit(&events.TaskAccepted{Task: &events.Task{Id: "t", Pool: blue, Kind: "k", PayloadAt: at, ReplayOf: "old"}, AtMs: w.now})
		w.advance()
		assigned := w.log[len(w.log)-1]
		w.state.Publish(assigned, func(out events.Outgoing) {
			if out.Missing < 0 || out.Missing >= assigned.Offset {
				t.Fatalf("payloadAt %d: the owner is asked for %d, and stands at %d", at, out.Missing, assigned.Offset)
			}
			if out.Complete(w.log[out.Missing].Message) == nil {
				t.Errorf("payloadAt %d: the assignment is published with some payload", at)
			}
			out.Gone()
		})
		w.heartbeatOf("e1") // It did not get it.
		if m, ok := w.log[len(w.log)-1].Message.(*events.TaskFailed); !ok || m.Error.Code != codePayloadLost {
			t.Errorf("payloadAt %d: the task ends with %v", at, w.log[len(w.log)-1].Message)
		}
	}
}

// heartbeatOf is that of an engine that has received nothing of what it was given.
func (w *world) heartbeatOf(id string) {
	w.send(&events.EngineHeartbeat{EngineId: id, Incarnation: "i1", Pool: blue, ReceivedEpoch: 1, ReceivedN: uint32(w.offset)})
}
