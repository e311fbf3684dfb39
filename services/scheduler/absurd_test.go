package scheduler

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
)

// TestAbsurdEventsAreTold: whatever an event that counts says, its spans stop no owner.
func TestAbsurdEventsAreTold(t *testing.T) {
	known := eventstest.Known{"pool": "blue", "task_id": "t", "id": "t", "engine_id": "e", "incarnation": "i", "token": uint64(1), "traceparent": traceparent}
	for _, typ := range events.Types() {
		if events.KindOf(typ) != events.Event {
			continue
		}
		s := newStage(t)
		for _, event := range eventstest.Absurd(typ, known) {
			s.batch(
				&events.EngineRegistered{Engine: &events.Engine{Id: "e", Incarnation: "i", Pool: "blue", Allocatable: map[string]int64{"slots": 9}}, AtMs: s.ms},
				&events.TaskAccepted{Task: &events.Task{Id: "t", Pool: "blue", Kind: "k", Traceparent: traceparent}, AtMs: s.ms},
				&events.TaskAssigned{TaskId: "t", Pool: "blue", EngineId: "e", Incarnation: "i", Attempt: 1, Token: 1, AtMs: s.ms},
				event,
				&events.TaskSucceeded{TaskId: "t", Pool: "blue", EngineId: "e", Attempt: 1, Token: 1, AtMs: s.ms},
			)
			s.spans.Reset()
		}
	}
}
