package placement

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// TestWhatComesAndGoesLeavesNothing: the indexes do not grow with history.
func TestWhatComesAndGoesLeavesNothing(t *testing.T) {
	w := newWorld(t, Config{})
	w.keep, w.replica = false, nil
	w.engine("e1", "1", map[string]int64{"slots": 4}, map[string]any{"n": 1})
	for i := range 5_000 {
		id := fmt.Sprintf("t%d", i)
		w.send(&events.TaskRequested{TaskId: id, Pool: blue, Kind: "k", Tenant: id,
			Predicate: fmt.Sprintf("engine.labels.n == 1 && %d > 0", i+1)})
		w.advance()
		w.finish(id, events.AttemptFinished_SUCCEEDED)
	}
	w.advance()
	p := w.state.pools[blue]
	m := p.match
	for what, n := range map[string]int{
		"groups": len(m.groups), "filters": len(m.filterList), "filters by key": len(m.filters), "lanes": len(m.laneList),
		"templates": len(p.templates), "shares": len(p.level(5).shares), "limits": len(p.limits), "timers": len(m.wake) + len(m.backstops), "tasks": len(p.tasks),
	} {
		if n > maxIdleGroups+maxIdleTemplates {
			t.Errorf("%d %s are left", n, what)
		}
	}
}

// TestEnginesComeAndGo: classes of engines that are gone are forgotten, and the
// index built anew still finds what fits.
func TestEnginesComeAndGo(t *testing.T) {
	w := newWorld(t, Config{})
	w.submit("patient", "engine.labels.n == 2999")
	w.advance()
	for i := range 3_000 {
		w.engine(fmt.Sprintf("e%d", i%1500), fmt.Sprintf("%06d", i), map[string]int64{"slots": 1}, map[string]any{"n": i})
		if i%2 == 0 {
			w.send(&events.EngineLeaving{EngineId: fmt.Sprintf("e%d", i%1500), Incarnation: fmt.Sprintf("%06d", i), Pool: blue, Departed: true})
		}
		w.advance()
	}
	p := w.state.pools[blue]
	if len(p.classList) > 4*p.present+1024 {
		t.Errorf("%d classes for %d engines", len(p.classList), p.present)
	}
	if w.task("patient").status != assigned {
		t.Error("the task was not placed on the engine that came last")
	}
	if w.state.Hash() != w.replica.Hash() {
		t.Error("the replica differs")
	}
}

func TestEndedTasksAreForgotten(t *testing.T) {
	w := newWorld(t, Config{EndedWindow: 100, KeepEnded: 10})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	for i := range 300 {
		id := fmt.Sprintf("t%d", i)
		w.submit(id, "")
		w.advance()
		w.finish(id, events.AttemptFinished_FAILED_FINALLY)
	}
	if n := w.state.ended.used; n != 100 {
		t.Errorf("%d ended tasks are remembered, want 100", n)
	}
	if n := len(w.state.kept.tasks); n != 10 {
		t.Errorf("%d ended tasks are kept, want 10", n)
	}
	w.now += windowMs + 1
	w.submit("t299", "")
	w.submit("last", "")
	w.advance()
	if got := w.log[len(w.log)-2].Message; events.TypeOf(got) != events.TypeTaskAccepted {
		t.Logf("within the window: %v", got)
	}
	if _, ok := w.state.Task(blue, "t0"); ok {
		t.Error("t0 is still known")
	}
}

func TestPoolFull(t *testing.T) {
	w := newWorld(t, Config{WaitingLimit: 2})
	for i := range 3 {
		w.submit(fmt.Sprintf("t%d", i), "")
	}
	m, ok := w.log[len(w.log)-1].Message.(*events.TaskRejected)
	if !ok || m.Code != string(events.CodePoolFull) {
		t.Errorf("the third of two got %v", w.log[len(w.log)-1].Message)
	}
}

// TestLossOfManyIsBounded: an engine with 10,000 attempts is lost by one event,
// and what follows comes in bounded parts.
func TestLossOfManyIsBounded(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("big", "1", map[string]int64{"slots": 10_000}, nil)
	for i := range 10_000 {
		w.submit(fmt.Sprintf("t%d", i), "")
	}
	w.advance()
	w.engine("big", "2", map[string]int64{"slots": 10_000}, nil)
	parts := 0
	for more := true; more; parts++ {
		before := len(w.log)
		more = w.state.Advance(w.clock(), w.emit)
		if n := len(w.log) - before; n > maxEvents+10 {
			t.Fatalf("%d events in one Advance", n)
		}
	}
	if parts < 5 || w.state.pools[blue].running != 10_000 {
		t.Errorf("%d parts, %d running", parts, w.state.pools[blue].running)
	}
}

// BenchmarkWaiting reports the memory of a waiting task with 200 bytes of payload.
func BenchmarkWaiting(b *testing.B) {
	const n = 200_000
	for b.Loop() {
		w := newWorld(b, Config{})
		w.keep, w.replica = false, nil
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		for i := range n {
			w.send(&events.TaskRequested{TaskId: fmt.Sprintf("task-%09d", i), Pool: blue, Kind: "k",
				Payload: make([]byte, 200), Predicate: "engine.labels.gpu >= 1"})
		}
		w.advance()
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/n, "bytes/task")
		runtime.KeepAlive(w)
	}
}

// BenchmarkSaturated: a pool that is always full, 1,000 tasks waiting of 100
// predicates; each finish frees a slot for the next.
func BenchmarkSaturated(b *testing.B) {
	w := newWorld(b, Config{})
	w.keep, w.replica = false, nil
	for i := range 100 {
		w.engine(fmt.Sprintf("e%d", i), "1", map[string]int64{"slots": 10}, map[string]any{"gpu": i % 4})
	}
	var running []*events.TaskAssigned
	w.onEvent = func(l events.Logged) {
		if a, ok := l.Message.(*events.TaskAssigned); ok {
			running = append(running, a)
		}
	}
	submitted := 0
	submit := func(n int) {
		for range n {
			w.submit(fmt.Sprintf("task-%09d", submitted), fmt.Sprintf("engine.labels.gpu >= %d && %d > 0", submitted%4, submitted%100+1))
			submitted++
		}
	}
	submit(2_000)
	w.advance()
	b.ResetTimer()
	for n := 0; n < b.N; {
		done := running[:min(100, len(running))]
		running = append([]*events.TaskAssigned(nil), running[len(done):]...)
		for _, a := range done {
			w.send(&events.AttemptFinished{TaskId: a.TaskId, Pool: blue, EngineId: a.EngineId, Token: a.Token, Outcome: events.AttemptFinished_SUCCEEDED})
		}
		submit(len(done))
		w.advance()
		n += len(done)
	}
}

// BenchmarkCoreBesideUnplaceable: the load of BenchmarkCore, in batches of 100,
// beside 10,000 tasks of as many predicates that nothing satisfies, half of
// which read what changes with every assignment.
func BenchmarkCoreBesideUnplaceable(b *testing.B) {
	w := newWorld(b, Config{})
	w.keep, w.replica = false, nil
	for i := range 5 {
		w.engine(fmt.Sprintf("e%d", i), "1", map[string]int64{"slots": 40}, map[string]any{"n": i})
	}
	for i := range 5_000 {
		w.submit(fmt.Sprintf("static-%d", i), fmt.Sprintf("engine.labels.n == %d", i+100))
		w.submit(fmt.Sprintf("live-%d", i), fmt.Sprintf("engine.free.slots >= %d", i+100))
	}
	w.advance()
	var running []*events.TaskAssigned
	w.onEvent = func(l events.Logged) {
		if a, ok := l.Message.(*events.TaskAssigned); ok {
			running = append(running, a)
		}
	}
	b.ResetTimer()
	for n := 0; n < b.N; n += 100 {
		for i := range 100 {
			w.submit(fmt.Sprintf("task-%d", n+i), "")
		}
		w.state.Advance(w.clock(), w.emit)
		for _, a := range running {
			w.send(&events.AttemptFinished{TaskId: a.TaskId, Pool: blue, EngineId: a.EngineId, Token: a.Token, Outcome: events.AttemptFinished_SUCCEEDED})
		}
		running = nil
	}
}

// TestBatchesStaySmall: however long the texts, one call emits less than fits a
// batch.
func TestBatchesStaySmall(t *testing.T) {
	const limit = 900 << 10
	w := newWorld(t, Config{})
	const n = 1_000
	w.engine(strings.Repeat("e", 250), "1", map[string]int64{"slots": n}, nil)
	long := func(i int) string { return fmt.Sprintf("%0250d", i) }
	size := 0
	w.onEvent = func(l events.Logged) {
		rec, err := events.Encoder{Source: "/spanway/ams/scheduler", JSON: true}.Encode("spanway.tasks.events/3/17/123456", l.Message)
		if err != nil {
			t.Fatal(err)
		}
		size += rec.Size()
	}
	advance := func(what string) (events int) {
		for more := true; more; {
			before := len(w.log)
			size = 0
			more = w.state.Advance(w.clock(), w.emit)
			if size > limit {
				t.Errorf("%s: %d bytes in one Advance", what, size)
			}
			events += len(w.log) - before
		}
		return events
	}
	for i := range n {
		w.send(&events.TaskRequested{TaskId: long(i), Pool: blue, Kind: "k", Retry: &events.RetryRequested{MaxAttempts: proto.Int32(2)}})
	}
	if got := advance("assign"); got != n {
		t.Fatalf("%d assigned", got)
	}
	p := w.state.pools[blue]
	e := p.byIndex[0]
	for e.first != nil {
		w.send(&events.AttemptFinished{TaskId: e.first.id, Pool: blue, EngineId: e.id, Token: e.first.token, Outcome: events.AttemptFinished_FAILED,
			Error: &events.TaskError{Code: strings.Repeat("c", 999), Message: strings.Repeat("\"\x01", 100_000)}})
	}
	w.now += 2_000
	advance("again")
	w.engine(e.id, "2", map[string]int64{"slots": n}, nil)
	if got := advance("dead letters"); got != n {
		t.Errorf("%d dead letters", got)
	}
	for i := range n {
		w.submit(fmt.Sprint(long(i), "b"), "")
	}
	advance("assign again")
	w.send(&events.TaskCancelRequested{Pool: blue, Reason: strings.Repeat("why\"", 1_000), Filter: &events.TaskFilter{}})
	if got := advance("cancel"); got != n {
		t.Errorf("%d cancelled", got)
	}
	for i := range n {
		w.submit(fmt.Sprint(long(i), "c"), "")
	}
	advance("assign once more")
	for p.running > 0 {
		size = 0
		w.send(&events.EngineHeartbeat{EngineId: e.id, Incarnation: "2", Pool: blue, ReceivedEpoch: 1, ReceivedN: uint32(w.offset)})
		if size > limit {
			t.Errorf("%d bytes given back in one decision", size)
		}
	}
}

// TestDrainsAreBounded and outlive what is known of their engines.
func TestDrainsAreBounded(t *testing.T) {
	w := newWorld(t, Config{})
	w.keep, w.replica = false, nil
	for i := range maxDrains + 1 {
		id := fmt.Sprintf("e%d", i)
		w.engine(id, "1", map[string]int64{"slots": 1}, nil)
		w.send(&events.EngineDrainRequested{EngineId: id, Pool: blue, Reason: "old"})
		w.send(&events.EngineLeaving{EngineId: id, Incarnation: "1", Pool: blue, Departed: true})
	}
	p := w.state.pools[blue]
	if len(p.drains) != maxDrains || p.engines["e0"] != nil {
		t.Fatalf("%d drains; e0 is still known: %v", len(p.drains), p.engines["e0"] != nil)
	}
	for id, want := range map[string]engineStatus{"e0": ready, "e1": draining} {
		w.engine(id, "2", map[string]int64{"slots": 1}, nil)
		if e := p.engines[id]; e.status != want {
			t.Errorf("%s is %s, want %s", id, e.status, want)
		}
	}
	w.send(&events.EngineResumeRequested{EngineId: "e2", Pool: blue})
	if _, ok := p.drains["e2"]; ok {
		t.Error("e2, long forgotten, cannot be resumed")
	}
}
