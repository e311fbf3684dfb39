package placement

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// manyEngines of as many classes, with a slot each.
func manyEngines(w *world, engines, classes int) {
	for i := range engines {
		w.engine(fmt.Sprintf("e%03d", i), "1", map[string]int64{"slots": 1}, map[string]any{"gpu": i % classes})
	}
	w.advance()
}

func (w *world) submitPreferring(id, prefer string) {
	w.send(&events.TaskRequested{TaskId: id, Pool: blue, Kind: "k", Prefer: prefer})
}

// TestPreferOfClassesIsEvaluatedOncePerClass, however many tasks and engines.
func TestPreferOfClassesIsEvaluatedOncePerClass(t *testing.T) {
	w := newWorld(t, Config{})
	manyEngines(w, 200, 5)
	before := w.state.Evaluations()
	for i := range 300 {
		w.submitPreferring(fmt.Sprintf("t%d", i), "int(engine.labels.gpu)")
	}
	w.advance()
	if n := w.state.Evaluations() - before; n != 5 {
		t.Errorf("%d evaluations for 5 classes", n)
	}
	if n := w.state.pools[blue].running; n != 200 {
		t.Errorf("%d tasks run on 200 slots", n)
	}
}

// TestLivePreferCostsWhatHasRoom: an engine without room is not asked, one that
// did not change not again, and nothing while nothing changes.
func TestLivePreferCostsWhatHasRoom(t *testing.T) {
	w := newWorld(t, Config{})
	manyEngines(w, 200, 5)
	before := w.state.Evaluations()
	for i := range 150 {
		w.submitPreferring(fmt.Sprintf("t%d", i), "-engine.free.slots")
	}
	w.advance()
	if n := w.state.Evaluations() - before; n > 200 {
		t.Errorf("%d evaluations for 200 engines, of which none had room again", n)
	}
	for i := range 100 {
		w.submitPreferring(fmt.Sprintf("u%d", i), "-engine.free.slots")
	}
	w.advance()
	before = w.state.Evaluations()
	for range 100 {
		w.now += 10
		w.advance()
	}
	if n := w.state.Evaluations() - before; n != 0 {
		t.Errorf("%d evaluations although nothing changed", n)
	}
	w.finish("t0", events.AttemptFinished_SUCCEEDED)
	w.advance()
	if n := w.state.Evaluations() - before; n > 2 {
		t.Errorf("%d evaluations although one engine changed", n)
	}
}

// TestAcceptsIsEvaluatedOncePerClass of engines, and what has no predicate costs
// nothing on engines that accept everything.
func TestAcceptsIsEvaluatedOncePerClass(t *testing.T) {
	w := newWorld(t, Config{})
	manyEngines(w, 20, 2)
	for i := range 20 {
		id := fmt.Sprintf("a%d", i)
		w.send(&events.EngineRegistration{Engine: &events.Engine{
			Id: id, Incarnation: "1", Pool: blue, Kinds: []string{"k"}, Accepts: "task.tenant == 'acme'",
			Allocatable: map[string]int64{"slots": 10}, AssignmentsPartition: events.EnginePartition(events.EngineID(id)),
		}})
	}
	w.advance()
	before := w.state.Evaluations()
	for i := range 100 {
		w.send(&events.TaskRequested{TaskId: fmt.Sprintf("t%d", i), Pool: blue, Kind: "k", Tenant: []string{"acme", "bolt"}[i%2]})
	}
	w.advance()
	if n := w.state.Evaluations() - before; n != 2 {
		t.Errorf("%d evaluations for 2 tenants on one class with a condition", n)
	}
}

// TestNoiseOfUsageIsNoFlood: whatever an engine measures second by second, the
// events are few.
func TestNoiseOfUsageIsNoFlood(t *testing.T) {
	for name, tt := range map[string]struct {
		used func(i int) int64
		most int
	}{
		"still":       {func(int) int64 { return 700 }, 1},
		"at a border": {func(i int) int64 { return 500 + int64(i%2) }, 1},
		"in a step":   {func(i int) int64 { return 500 + int64(i*7%60) }, 2},
		"saw":         {func(i int) int64 { return int64(i%2) * 900 }, 2 + 2*120/5},
		"wild":        {func(i int) int64 { return int64(i*7919) % 1000 }, 60},
		"beyond":      {func(i int) int64 { return 1000 + int64(i*7919)%5000 }, 1},
		"below":       {func(i int) int64 { return -int64(i * 100) }, 1},
	} {
		w := newWorld(t, Config{})
		w.engine("e", "1", map[string]int64{"cpu": 1000}, nil)
		n := 0
		w.onEvent = func(l events.Logged) {
			if m, ok := l.Message.(*events.EngineObserved); ok {
				n++
				if v := m.Used["cpu"]; v < 0 || v > 1000 {
					t.Errorf("%s: %d of 1000 are used", name, v)
				}
			}
		}
		for i := range 120 {
			w.now += 1000
			w.beat(w.state.pools[blue].engines["e"], map[string]int64{"cpu": tt.used(i)})
			w.advance()
		}
		if n > tt.most || n == 0 {
			t.Errorf("%s: %d events in 120 seconds; want 1 to %d", name, n, tt.most)
		}
	}
}
