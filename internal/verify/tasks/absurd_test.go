package tasks

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
)

// TestAbsurdEvents: whatever an event that counts says, the log is judged to its end.
func TestAbsurdEvents(t *testing.T) {
	t.Parallel()
	known := eventstest.Known{"pool": "p", "task_id": "t", "id": "t", "engine_id": "e", "incarnation": "i1", "token": uint64(1)}
	for _, typ := range events.Types() {
		if events.KindOf(typ) != events.Event || typ == events.TypeLogClaimed {
			continue
		}
		for name, event := range eventstest.Absurd(typ, known) {
			l := newLog(t)
			l.each(raised(), eng("e", "i1", 2), accepted("u"), where("t", "engine.labels.gpu > 1"), assigned("t", 1))
			l.Batch(event)
			l.each(succeeded("t", 1), cancelled("u"))
			if r := l.judge(Options{NoneOpen: true}); r.Counted != r.Records {
				t.Errorf("%s with %s: %d of %d records count", typ, name, r.Counted, r.Records)
			}
		}
	}
}
