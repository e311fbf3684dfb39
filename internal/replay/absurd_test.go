package replay

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
)

// TestAbsurdEvents: whatever an event that counts says, the log is recorded.
func TestAbsurdEvents(t *testing.T) {
	t.Parallel()
	known := eventstest.Known{"pool": "blue", "task_id": "t", "id": "t", "engine_id": "e", "incarnation": "i", "token": uint64(1)}
	for _, typ := range events.Types() {
		if events.KindOf(typ) != events.Event {
			continue
		}
		for _, event := range eventstest.Absurd(typ, known) {
			r := NewRecorder("blue", Window{})
			offset := int64(0)
			for _, m := range []proto.Message{
				&events.EngineRegistered{Engine: &events.Engine{Id: "e", Incarnation: "i", Pool: "blue"}, AtMs: 1},
				&events.TaskAccepted{Task: &events.Task{Id: "t", Pool: "blue", Kind: "k"}, AtMs: 2},
				&events.TaskAssigned{TaskId: "t", Pool: "blue", EngineId: "e", Incarnation: "i", Attempt: 1, Token: 1, AtMs: 3},
				event,
				&events.TaskSucceeded{TaskId: "t", Pool: "blue", EngineId: "e", Attempt: 1, Token: 1, AtMs: 4},
			} {
				r.Apply(events.Logged{Offset: offset, Epoch: 1, N: uint32(offset), Type: events.TypeOf(m), Message: m})
				offset++
			}
		}
	}
}
