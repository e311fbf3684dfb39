package placement

import (
	"slices"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// TestExplainNever: a predicate that can be true of no engine says why, whether it
// compares a label with a value of another kind or its evaluation ends in an error.
func TestExplainNever(t *testing.T) {
	t.Parallel()
	w := newWorld(t, Config{})
	for _, id := range []string{"e1", "e2"} {
		w.engine(id, "1", map[string]int64{"slots": 1}, map[string]any{"gpu": 2, "zone": "a"})
	}
	w.advance()
	const gpu = "engine.labels.gpu is compared with a string; on every engine that has it, it is a number"
	for id, tt := range map[string]struct {
		predicate string
		never     []string
	}{
		"equal":   {`engine.labels.gpu == "2"`, []string{gpu}},
		"less":    {`engine.labels.gpu < "3" && engine.labels.zone == "a"`, []string{gpu}},
		"error":   {`size(engine.labels.gpu) > 1`, []string{"on every engine its evaluation ends in an error: no such overload: size"}},
		"false":   {`engine.labels.gpu == 7`, nil},
		"unknown": {`engine.labels.tpu == "7"`, nil},
	} {
		w.send(&events.TaskRequested{TaskId: id, Pool: blue, Kind: "k", Predicate: tt.predicate})
		w.advance()
		if x, ok := w.state.Explain(blue, events.TaskID(id), w.now); !ok || !slices.Equal(x.Never, tt.never) || x.Reason == "" {
			t.Errorf("%s: %q for %s, want %q", tt.predicate, x.Never, x.Reason, tt.never)
		}
		asked := &events.Task{Pool: blue, Kind: "k", Predicate: tt.predicate}
		if x := w.state.ExplainRequest(asked, w.now); !slices.Equal(x.Never, tt.never) {
			t.Errorf("what if %s: %q, want %q", tt.predicate, x.Never, tt.never)
		}
	}
}
