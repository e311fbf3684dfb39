package placement

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

func TestPlacesByPredicateAndCapacity(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("hdd", "1", map[string]int64{"slots": 2}, map[string]any{"disk": "hdd"})
	w.engine("ssd", "1", map[string]int64{"slots": 1}, map[string]any{"disk": "ssd"})
	w.submit("a", "engine.labels.disk == 'ssd'")
	w.submit("b", "engine.labels.disk == 'ssd'")
	w.submit("c", "")
	w.submit("d", "engine.free.slots >= 2")
	w.advance()
	for id, want := range map[string]string{"a": "ssd", "b": "", "c": "hdd", "d": ""} {
		got := ""
		if e := w.task(id).engine; e != nil {
			got = e.id
		}
		if got != want {
			t.Errorf("%s runs on %q, want %q", id, got, want)
		}
	}
	w.finish("a", events.AttemptFinished_SUCCEEDED)
	w.finish("c", events.AttemptFinished_SUCCEEDED)
	w.advance()
	if w.task("b").engine == nil || w.task("d").engine == nil {
		t.Error("freed capacity did not wake what waited for it")
	}
}

func TestUnplaceableCostNothing(t *testing.T) {
	w := newWorld(t, Config{})
	for i := range 5 {
		w.engine(fmt.Sprintf("e%d", i), "1", map[string]int64{"slots": 4}, map[string]any{"n": i})
	}
	for i := range 10_000 {
		p := fmt.Sprintf("engine.labels.n == %d", i+100)
		if i%2 == 1 {
			p = fmt.Sprintf("engine.free.slots >= %d", i+100)
		}
		w.submit(fmt.Sprintf("stuck-%d", i), p)
	}
	w.submit("good", "engine.labels.n == 3")
	w.advance()
	if w.task("good").status != assigned {
		t.Fatal("the placeable task did not start")
	}
	before := w.state.Evaluations()
	for range 100 {
		w.now += 100
		for i := range 5 {
			w.heartbeat(fmt.Sprintf("e%d", i))
		}
		w.advance()
	}
	if n := w.state.Evaluations() - before; n != 0 {
		t.Errorf("%d evaluations while nothing changed", n)
	}
	w.submit("again", "engine.labels.n == 2")
	w.advance()
	if w.task("again").status != assigned {
		t.Error("the second placeable task did not start")
	}
}

func TestLossFreesAndCostsAnAttempt(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	w.submit("a", "")
	w.advance()
	w.now += 6_000
	w.engine("e2", "1", map[string]int64{"slots": 1}, nil)
	w.advance()
	a := w.task("a")
	if a.engine == nil || a.engine.id != "e2" || a.attempt() != 2 || a.token != 2 {
		t.Fatalf("a is %+v, want attempt 2 on e2", a)
	}
	if !slices.Contains(w.types(), events.TypeEngineLost) {
		t.Error("no EngineLost")
	}
}

// TestAFloodOfPredicatesDelaysNoOther: what asks for nothing, even of a kind
// that is new, is placed by the Advance that follows; so is what asks for what
// others asked for before.
func TestAFloodOfPredicatesDelaysNoOther(t *testing.T) {
	w := newWorld(t, Config{})
	for i := range 50 {
		w.engine(fmt.Sprintf("e%d", i), "1", map[string]int64{"slots": 4}, map[string]any{"n": i})
	}
	w.submit("first", "engine.labels.n == 7")
	w.advance()
	for i := range 3_000 {
		w.submit(fmt.Sprintf("stuck-%d", i), fmt.Sprintf("engine.labels.n == %d", i+100))
	}
	w.submit("free", "")
	w.submit("again", "engine.labels.n == 7")
	w.state.Advance(w.clock(), w.emit)
	for _, id := range []string{"free", "again"} {
		if w.task(id).status != assigned {
			t.Errorf("%s waits behind the flood", id)
		}
	}
	w.engine("late", "1", map[string]int64{"slots": 500}, map[string]any{"n": 99})
	for i := range 400 {
		w.submit(fmt.Sprintf("free-%d", i), "")
	}
	w.state.Advance(w.clock(), w.emit)
	if n := w.state.pools[blue].waiting; n != 3_000 {
		t.Errorf("%d wait, want the 3,000 that nobody can run", n)
	}
}
