package task

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/events"
)

// A file of ten thousand misspelt predicates says so, but not ten thousand times.
func TestWarningsAreBounded(t *testing.T) {
	w := newWarner(nil)
	w.engines["default"] = []*query.Engine{{EngineView: query.EngineView{ID: "e1", State: query.EngineReady}}}
	var said []string
	for i := range 10_000 {
		r := &events.TaskRequested{Predicate: fmt.Sprintf("engine.labels.gpu > %d", i/2)}
		if warning := w.about(t.Context(), r); warning != "" {
			said = append(said, warning)
		}
	}
	if len(said) != mostWarnings+1 || !strings.Contains(said[1], "gpu > 1") || !strings.Contains(said[mostWarnings], "there are more") {
		t.Errorf("%d warnings:\n%s", len(said), strings.Join(said, "\n"))
	}
}

// A label that is compared with a value of another kind is told before anybody waits.
func TestWarnsOfKinds(t *testing.T) {
	w := newWarner(nil)
	w.engines["default"] = []*query.Engine{
		{EngineView: query.EngineView{ID: "e1", State: query.EngineReady, Labels: map[string]any{"gpu": float64(2)}, Allocatable: map[string]int64{"slots": 1}}},
		{EngineView: query.EngineView{ID: "e2", State: "lost", Labels: map[string]any{"gpu": "2"}}},
	}
	const want = `warning: in pool "default" the predicate "engine.labels.gpu == \"2\"" can be true of no known engine: ` +
		`engine.labels.gpu is compared with a string; on every engine that has it, it is a number; see "spanway engine list"`
	if got := w.about(t.Context(), &events.TaskRequested{Predicate: `engine.labels.gpu == "2"`}); got != want {
		t.Errorf("it warns\n%s\nwant\n%s", got, want)
	}
	if got := w.about(t.Context(), &events.TaskRequested{Predicate: `engine.labels.gpu == 3`}); got != "" {
		t.Errorf("it warns %s", got)
	}
}

// What no known engine of a pool can take is told before anybody waits for it.
func TestWarnsOfWhatNoneTakes(t *testing.T) {
	w := newWarner(nil)
	w.engines["default"] = []*query.Engine{
		{EngineView: query.EngineView{ID: "e1", State: query.EngineReady, Kinds: []string{"resize"}, Allocatable: map[string]int64{"slots": 4, "memory_bytes": 1 << 30}}},
		{EngineView: query.EngineView{ID: "e2", State: query.EngineDraining, Kinds: []string{"noop"}, Allocatable: map[string]int64{"slots": 8}}},
		{EngineView: query.EngineView{ID: "gone", State: "lost", Kinds: []string{"bake"}, Allocatable: map[string]int64{"slots": 64, "gpu": 1}}},
	}
	w.engines["empty"] = []*query.Engine{}
	w.engines["lost"] = w.engines["default"][2:]
	w.engines["memory"] = []*query.Engine{{EngineView: query.EngineView{ID: "m1", State: query.EngineReady, Kinds: []string{"noop"}, Allocatable: map[string]int64{"memory_bytes": 1 << 30}}}}
	w.engines["unknown"] = nil
	needs := func(name string, v *structpb.Value) map[string]*structpb.Value {
		return map[string]*structpb.Value{name: v}
	}
	for _, c := range []struct {
		r    *events.TaskRequested
		want string
	}{
		{&events.TaskRequested{Kind: "noop"}, ""},
		{&events.TaskRequested{Kind: "noop", Needs: needs("slots", structpb.NewNumberValue(8))}, ""},
		{&events.TaskRequested{Kind: "noop", Needs: needs("gpu", structpb.NewNumberValue(0))}, ""},
		{&events.TaskRequested{Kind: "noop", Pool: "unknown"}, ""},
		{&events.TaskRequested{Kind: "noop", Pool: "empty"}, `pool "empty" has no engine`},
		{&events.TaskRequested{Kind: "bake", Pool: "lost"}, `pool "lost" has no engine`},
		{&events.TaskRequested{Kind: "bake"}, `no known engine of pool "default" handles kind "bake"`},
		{&events.TaskRequested{Kind: "noop", Needs: needs("gpu", structpb.NewNumberValue(1))}, `no known engine of pool "default" has any gpu, of which the task needs 1`},
		{&events.TaskRequested{Kind: "noop", Needs: needs("memory_bytes", structpb.NewStringValue("2Gi"))}, `has memory_bytes=2147483648, which the task needs; the most is 1073741824, on e1`},
		{&events.TaskRequested{Kind: "noop", Needs: needs("slots", structpb.NewNumberValue(9))}, `has slots=9, which the task needs; the most is 8, on e2`},
		{&events.TaskRequested{Kind: "noop", Pool: "memory"}, `no known engine of pool "memory" has any slots, of which the task needs 1`},
	} {
		got := w.about(t.Context(), c.r)
		if c.want == "" && got != "" || !strings.Contains(got, c.want) {
			t.Errorf("of %v it warns %q, want %q", c.r, got, c.want)
		}
		if again := w.about(t.Context(), c.r); again != "" {
			t.Errorf("of %v it warns twice", c.r)
		}
	}
}
