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
