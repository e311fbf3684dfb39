package placement

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// A view of a restored state tells the trace that the acceptance told, which may
// be deleted from the log by then.
func TestViewsKnowTheTrace(t *testing.T) {
	const parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	w := newWorld(t, Config{})
	w.state.Apply(events.Logged{
		Offset: 100, Epoch: 1, N: 100, Type: events.TypeTaskAccepted,
		Message: &events.TaskAccepted{AtMs: 1, Task: &events.Task{Id: "t", Pool: blue, Kind: "k", Traceparent: parent}},
	})
	restored := New(w.cfg)
	if err := restored.Restore(w.state.Snapshot(nil)); err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*State{"folded": w.state, "restored": restored} {
		if v, ok := s.Task(blue, "t"); !ok || v.Traceparent != parent {
			t.Errorf("%s: the view is in trace %q, %v", name, v.Traceparent, ok)
		}
	}
}
