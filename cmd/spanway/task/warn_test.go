package task

import (
	"fmt"
	"strings"
	"testing"

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
		{EngineView: query.EngineView{ID: "e1", State: query.EngineReady, Labels: map[string]any{"gpu": float64(2)}}},
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
