package placement

import (
	"bytes"
	"fmt"
	"runtime"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// FuzzRestore: whatever bytes it is given, Restore ends in a State that can be
// written again alike, or in an error; and it takes no more memory than the
// bytes can be worth.
func FuzzRestore(f *testing.F) {
	w := newWorld(f, Config{})
	f.Add(w.state.Snapshot(nil))
	w.engine("e1", "1", map[string]int64{"slots": 3, "mem": 5}, map[string]any{"gpu": 1, "zone": "a", "disks": []any{"x", true}})
	w.engine("e2", "1", map[string]int64{"slots": 1}, nil)
	w.send(&events.EngineDrainRequested{EngineId: "e2", Pool: blue, Reason: "repair"})
	for i := range 6 {
		w.send(&events.TaskRequested{
			TaskId: fmt.Sprintf("t%d", i), Pool: blue, Kind: "k", Payload: []byte("p"), Priority: proto.Int32(int32(i)),
			Predicate: predicates[i], Retry: &events.RetryRequested{MaxAttempts: proto.Int32(int32(1 + i%2))},
		})
	}
	w.advance()
	f.Add(w.state.Snapshot(nil))
	for id, st := range (&chaos{world: w}).tasksCopy() {
		if st == assigned {
			w.finish(id, events.AttemptFinished_FAILED)
		}
	}
	w.send(&events.TaskRequested{TaskId: "bad", Pool: blue, Kind: "k", Predicate: "("})
	w.send(&events.TaskCancelRequested{Pool: blue, Filter: &events.TaskFilter{IdPrefix: "t5"}})
	f.Add(w.state.Snapshot(nil))
	f.Fuzz(func(t *testing.T, state []byte) {
		var before, after runtime.MemStats
		s := New(Config{})
		runtime.ReadMemStats(&before)
		err := s.Restore(state)
		runtime.ReadMemStats(&after)
		if got, most := after.TotalAlloc-before.TotalAlloc, uint64(1<<20+1000*len(state)); got > most {
			t.Fatalf("%d bytes made it allocate %d", len(state), got)
		}
		if err != nil {
			return
		}
		again := s.Snapshot(nil)
		r := New(Config{})
		if err := r.Restore(again); err != nil {
			t.Fatalf("what was restored and written cannot be restored: %v", err)
		}
		if !bytes.Equal(again, r.Snapshot(nil)) {
			t.Fatal("what is written again differs")
		}
		s.Floor()
		for _, p := range s.order {
			for v := range s.Tasks(p.name) {
				s.Explain(p.name, events.TaskID(v.ID), 0)
			}
			for range s.Engines(p.name) {
			}
		}
	})
}
