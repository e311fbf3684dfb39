package lease

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
)

// TestAbsurdRecords: whatever a record on its partition says, an engine goes on.
func TestAbsurdRecords(t *testing.T) {
	t.Parallel()
	known := eventstest.Known{"pool": "blue", "task_id": "t", "id": "e1", "engine_id": "e1", "incarnation": "i1", "token": uint64(1),
		"topic": "spanway.tasks.events", "partition": events.PoolPartition("blue")}
	for _, typ := range events.Types() {
		if kind := events.KindOf(typ); kind != events.Event && kind != events.Notice {
			continue
		}
		s := ready(t)
		n := uint32(1 << 20)
		for _, event := range eventstest.Absurd(typ, known) {
			for _, published := range []bool{true, false} {
				rec, err := events.Encoder{Source: "/test"}.Encode("x", event)
				if err != nil {
					t.Fatal(err)
				}
				n++
				if rec.Key = []byte("e1"); published {
					rec.Headers = append(rec.Headers, events.Header{Key: events.HeaderFrom, Value: fmt.Appendf(nil, "%s/1/%d", s.h.log, n)})
				}
				s.h.Read(s.now, events.Page{Records: []events.Record{rec}})
				s.h.Tick(s.now)
			}
		}
	}
}
