package placement

import (
	"encoding/json"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// TestExplainRequest: what would become of a task is what becomes of it.
func TestExplainRequest(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("small", "1", map[string]int64{"slots": 1}, map[string]any{"gpu": 1})
	w.engine("big", "1", map[string]int64{"slots": 4}, map[string]any{"gpu": 2})
	w.engine("bare", "1", map[string]int64{"slots": 4}, nil)
	score := func(x float64) *float64 { return &x }
	tests := []struct {
		name   string
		task   *events.Task
		takes  string
		reason Reason
		finds  []Finding
	}{
		{"anywhere", &events.Task{}, "small", "", []Finding{{Result: FindFits}, {Result: FindFits}, {Result: FindFits}}},
		{"where", &events.Task{Predicate: "engine.labels.gpu == 2"}, "big", "", []Finding{
			{Result: FindPredicate, FalseClauses: []string{"engine.labels.gpu == 2"}}, {Result: FindFits},
			{Result: FindPredicate, FalseClauses: []string{"engine.labels.gpu == 2"}, Error: "no such key: gpu"}}},
		{"preferred", &events.Task{Prefer: "int(engine.labels.gpu)"}, "big", "", []Finding{
			{Result: FindFits, Score: score(1)}, {Result: FindFits, Score: score(2)}, {Result: FindFits, ScoreError: "no such key: gpu"}}},
		{"an error scores lowest", &events.Task{Prefer: "-int(engine.labels.gpu)"}, "small", "", []Finding{
			{Result: FindFits, Score: score(-1)}, {Result: FindFits, Score: score(-2)}, {Result: FindFits, ScoreError: "no such key: gpu"}}},
		{"too large for the best", &events.Task{Prefer: "engine.id == 'small' ? 1 : 0", Needs: map[string]int64{"slots": 3}}, "big", "", []Finding{
			{Result: FindCapacity, Score: score(1), Short: map[string]int64{"slots": 2}}, {Result: FindFits, Score: score(0)}, {Result: FindFits, Score: score(0)}}},
		{"a dimension that nobody has", &events.Task{Needs: map[string]int64{"llamas": 1}}, "", Impossible, []Finding{
			{Result: FindCapacity, Short: map[string]int64{"llamas": 1}}, {Result: FindCapacity, Short: map[string]int64{"llamas": 1}},
			{Result: FindCapacity, Short: map[string]int64{"llamas": 1}}}},
	}
	for _, tt := range tests {
		tt.task.Id, tt.task.Pool, tt.task.Kind = tt.name, blue, "k"
		before := w.state.Hash()
		x := w.state.ExplainRequest(tt.task, w.now)
		if x.Takes != tt.takes || x.Reason != tt.reason || (x.Reason == "") != (len(x.WakesOn) == 0) {
			t.Errorf("%s: %q takes it, reason %q, wakes on %v; want %q and %q", tt.name, x.Takes, x.Reason, x.WakesOn, tt.takes, tt.reason)
		}
		for i := range tt.finds {
			tt.finds[i].Engine = []string{"small", "big", "bare"}[i]
		}
		got, _ := json.Marshal(x.Engines)
		if want, _ := json.Marshal(tt.finds); string(got) != string(want) {
			t.Errorf("%s: finds\n%s, want\n%s", tt.name, got, want)
		}
		if w.state.Hash() != before || len(w.state.pools[blue].dims.names) != 1 {
			t.Errorf("%s: asking changed the state", tt.name)
		}
	}
	x := w.state.ExplainRequest(&events.Task{Pool: "nowhere", Kind: "k"}, w.now)
	if x.Reason != NoEngine || len(w.state.order) != 1 {
		t.Errorf("in a pool that is not there: %q, %d pools; want %q and 1", x.Reason, len(w.state.order), NoEngine)
	}
}
