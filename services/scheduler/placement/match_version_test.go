package placement

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// TestFirstVersionHasNoMatcher: until the log is raised, what older binaries do
// not know is refused, and what is measured is not heard.
func TestFirstVersionHasNoMatcher(t *testing.T) {
	w := newWorld(t, Config{FoldVersion: 1})
	w.engine("e", "1", map[string]int64{"slots": 4}, nil)
	for name, r := range map[string]*events.TaskRequested{
		"prefer":            {Prefer: "1"},
		"notBefore":         {NotBefore: "1970-01-01T00:20:00Z"},
		"node":              {Predicate: "engine.node == ''"},
		"used":              {Predicate: "has(engine.used.slots) || true"},
		"node's tasks":      {Predicate: "!(task.id in engine.running.node_tasks)"},
		"node's kinds":      {Predicate: "engine.running.node_kinds == []"},
		"of both, together": {Predicate: "engine.site == 'eu' && engine.used.slots < 1"},
	} {
		r.TaskId, r.Pool, r.Kind = name, blue, "k"
		w.send(r)
		if m, ok := w.log[len(w.log)-1].Message.(*events.TaskRejected); !ok || m.Code != string(events.CodeUnknownField) {
			t.Errorf("%s: got %v; want %s", name, w.log[len(w.log)-1].Message, events.CodeUnknownField)
		}
	}
	for name, e := range map[string]*events.Engine{"accepts": {Accepts: "task.priority > 5"}, "node": {Node: "n1"}} {
		e.Id, e.Incarnation, e.Pool, e.AssignmentsPartition = name, "1", blue, events.EnginePartition(events.EngineID(name))
		w.send(&events.EngineRegistration{Engine: e})
		if m, ok := w.log[len(w.log)-1].Message.(*events.EngineRegistrationRefused); !ok || m.Code != string(events.CodeUnknownField) {
			t.Errorf("%s: got %v; want %s", name, w.log[len(w.log)-1].Message, events.CodeUnknownField)
		}
	}
	before := len(w.log)
	w.beat(w.state.pools[blue].engines["e"], map[string]int64{"slots": 4})
	w.advance()
	if len(w.log) != before || w.state.pools[blue].engines["e"].used != nil {
		t.Errorf("what is measured became %v", w.log[before:])
	}
	w.submit("plain", "engine.site == 'eu'")
	w.advance()
	if w.task("plain").status != assigned {
		t.Error("a task of the first version was not placed")
	}
	w.emit(&events.EngineObserved{EngineId: "e", Incarnation: "1", Pool: blue, Used: map[string]int64{"slots": 4}})
	if w.state.pools[blue].engines["e"].used != nil {
		t.Error("the first version folds what is measured")
	}
}
