package query

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/services/scheduler/placement"
)

func TestUnknown(t *testing.T) {
	gone := &Engine{EngineView: placement.EngineView{Labels: label("tape"), State: EngineLost}}
	ready := &Engine{EngineView: placement.EngineView{Labels: label("disk"), Allocatable: map[string]int64{"slots": 1}, State: EngineReady}}
	draining := &Engine{EngineView: placement.EngineView{Labels: label("gpu"), State: EngineDraining}}
	all := []*Engine{gone, ready, draining}
	for text, want := range map[string]string{
		"": "[]", "true": "[]", "nonsense(": "[]",
		`engine.labels.disk == "ssd" && engine.labels.gpu > 0 && engine.free.slots > 0`: "[]",
		"engine.labels.tape == 1 && engine.labels.cpu == 1 || engine.free.slots > 1":    "[engine.labels.tape engine.labels.cpu]",
		`engine.allocatable["memory_bytes"] > 1`:                                        "[engine.allocatable.memory_bytes]",
	} {
		if got := fmt.Sprint(Unknown(text, all)); got != want {
			t.Errorf("Unknown(%q) = %s; want %s", text, got, want)
		}
	}
	if got := Unknown("engine.labels.cpu == 1", []*Engine{gone}); got != nil {
		t.Errorf("without an engine to compare with Unknown is %v", got)
	}
}

func label(name string) map[string]any { return map[string]any{name: "x"} }
