package placement

import (
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
)

// assignedWorld has one engine, on which the task "t" runs.
func assignedWorld(tb testing.TB) (*world, *task) {
	w := newWorld(tb, Config{})
	w.engine("e1", "i1", map[string]int64{"slots": 2}, nil)
	w.send(&events.TaskRequested{TaskId: "t", Pool: blue, Kind: "k", Prefer: "1"})
	w.advance()
	t := w.task("t")
	if t == nil || t.status != assigned {
		tb.Fatal("the task does not run")
	}
	return w, t
}

// TestReportsMustNameTheAttempt: whatever field a report names its attempt by, another
// value in it makes it a report on something else. The fields are those of the schema.
func TestReportsMustNameTheAttempt(t *testing.T) {
	t.Parallel()
	for _, typ := range []events.Type{events.TypeAttemptStarted, events.TypeAttemptProgressed, events.TypeAttemptFinished} {
		for field, other := range map[protoreflect.Name]any{
			"task_id": "other", "engine_id": "e2", "incarnation": "i0", "attempt": int32(2), "token": uint64(1 << 40),
		} {
			w, task := assignedWorld(t)
			report := eventstest.Full(typ)
			eventstest.Known{
				"pool": blue, "task_id": "t", "engine_id": "e1", "incarnation": "i1", "attempt": int32(1), "token": task.token,
			}.Set(report)
			m := report.ProtoReflect()
			m.Set(m.Descriptor().Fields().ByName(field), protoreflect.ValueOf(other))
			before := len(w.log)
			w.send(report)
			for _, l := range w.log[before:] {
				if l.Type != events.TypeTaskStaleResultRejected {
					t.Errorf("a %s with %s = %v caused %s", typ, field, other, l.Type)
				}
			}
			if typ != events.TypeAttemptFinished {
				continue
			}
			if len(w.log) == before || w.log[before].Type != events.TypeTaskStaleResultRejected {
				t.Errorf("a %s with %s = %v is not rejected by name", typ, field, other)
				continue
			}
			named := w.log[before].Message.ProtoReflect()
			if got := named.Get(named.Descriptor().Fields().ByName(field)).Interface(); got != other {
				t.Errorf("the rejection of a %s with %s = %v names %v", typ, field, other, got)
			}
		}
	}
}

// TestReportsMayLeaveOut: an engine in another language need not say of which
// incarnation and number its attempt is.
func TestReportsMayLeaveOut(t *testing.T) {
	t.Parallel()
	w, task := assignedWorld(t)
	w.send(&events.AttemptFinished{TaskId: "t", Pool: blue, EngineId: "e1", Token: task.token, Outcome: events.AttemptFinished_SUCCEEDED})
	if last := w.log[len(w.log)-1]; last.Type != events.TypeTaskSucceeded {
		t.Errorf("it caused %s", last.Type)
	}
}

// TestCopiesAreWhatTheLogSays: the published copy of an event has every field of the
// event, whatever fields it has; besides, it may have the whole task.
func TestCopiesAreWhatTheLogSays(t *testing.T) {
	t.Parallel()
	copies := 0
	for _, typ := range events.Types() {
		if events.KindOf(typ) != events.Event {
			continue
		}
		w, task := assignedWorld(t)
		event := eventstest.Full(typ)
		eventstest.Known{
			"pool": blue, "task_id": "t", "token": task.token, "reason": reasonNotReceived, "code": codeTimeout, "message": textBackstop,
		}.Set(event)
		out, ok := w.state.caused(events.Logged{Offset: 99, Type: typ, Message: event})
		if !ok || out.Message == nil || events.TypeOf(out.Message) != typ {
			continue // Nothing is published, or a message of another type.
		}
		copies++
		want, got := proto.Clone(event), proto.Clone(out.Message)
		for _, m := range []proto.Message{want, got} {
			if f := m.ProtoReflect().Descriptor().Fields().ByName("task"); f != nil {
				m.ProtoReflect().Clear(f)
			}
		}
		if !proto.Equal(want, got) {
			t.Errorf("the log says %s %v, and its copy %v", typ, want, got)
		}
	}
	if copies < 8 {
		t.Errorf("only %d types of events are published: the test shows little", copies)
	}
}

// TestTokensAreNoMarks: a task that failed is not taken for one that succeeded,
// whatever its token: a loss of many epochs raises tokens by as much.
func TestTokensAreNoMarks(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	w.state.tokens, w.replica.tokens = successBit, successBit
	w.engine("e1", "i1", map[string]int64{"slots": 2}, nil)
	w.send(&events.TaskRequested{TaskId: "t", Pool: blue, Kind: "k"})
	w.advance()
	token := w.task("t").token
	if token < successBit {
		t.Fatalf("token %d", token)
	}
	report := &events.AttemptFinished{
		TaskId: "t", Pool: blue, EngineId: "e1", Incarnation: "i1", Attempt: 1, Token: token, Outcome: events.AttemptFinished_FAILED_FINALLY,
	}
	w.send(report)
	before := len(w.log)
	w.send(report)
	if len(w.log) != before {
		t.Errorf("a copy of the report that ended it caused %s", w.log[before].Type)
	}
	w.send(&events.TaskRequested{TaskId: "u", Pool: blue, Kind: "k", After: []string{"t"}})
	if last := w.log[len(w.log)-1]; last.Type != events.TypeTaskRejected {
		t.Errorf("a task after one that failed caused %s, want a refusal", last.Type)
	}
}
