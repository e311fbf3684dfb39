package placement

import (
	"fmt"
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/events/eventstest"
)

// maxEvent is below what a batch may hold beside what is in it already.
const maxEvent = 900 << 10

// absurdly folds an absurd event into a world in which all sorts of things go on, and then
// has the fold, or one restored from its snapshot, do what an owner does.
func absurdly(t *testing.T, name string, event proto.Message, restore bool) {
	t.Helper()
	w, task := busyWorld(t)
	stopped := func(what string, args ...any) {
		t.Helper()
		t.Errorf("%s with %s: %s", events.TypeOf(event), name, fmt.Sprintf(what, args...))
	}
	defer func() {
		if p := recover(); p != nil {
			stopped("panic: %v", p)
			panic(p)
		}
	}()
	largest := 0
	w.onEvent = func(l events.Logged) {
		largest = max(largest, proto.Size(l.Message))
		w.state.Publish(l, func(out events.Outgoing) {
			if out.Missing < 0 || out.Missing > l.Offset {
				stopped("it refers to a payload at %d, behind itself at %d", out.Missing, l.Offset)
			}
		})
	}
	w.onEvent(events.Logged{Offset: w.offset, Epoch: 1, N: uint32(w.offset), Type: events.TypeOf(event), Message: event})
	w.emit(event)
	largest = 0
	if m, ok := event.(*events.LogFoldVersionRaised); ok && m.Version > NewestFoldVersion {
		return // Only a newer release can go on.
	}
	if err := w.state.Err(); err != nil {
		stopped("the fold stops: %v", err)
	}
	restored := New(w.cfg)
	state := w.state.Snapshot(nil)
	if err := restored.Restore(state); err != nil {
		stopped("its snapshot cannot be restored: %v", err)
	} else if again := restored.Snapshot(nil); string(again) != string(state) {
		stopped("the restored state has another snapshot")
	}
	if floor := w.state.Floor(); floor < 0 || floor > w.offset && floor != math.MaxInt64 {
		stopped("the state refers to offset %d; the log ends at %d", floor, w.offset)
	}
	if restore {
		w.state = restored
	}
	goesOn(w, task, stopped)
	if largest > maxEvent {
		stopped("an event of %d bytes follows, which fits no batch", largest)
	}
}

// goesOn has the owner do all that it does, on a clock that moves, and wants a task that is
// well-formed to be placed on an engine that is.
func goesOn(w *world, running uint64, stopped func(string, ...any)) {
	w.now += 10_000
	w.decide(func(s *State, emit func(proto.Message)) {
		for i := 0; s.Advance(w.clock(), emit); i++ {
			if i > 1_000 {
				stopped("Advance never ends")
				return
			}
		}
	})
	id := fmt.Sprintf("after-%d", w.offset)
	w.engine(id, "i1", map[string]int64{"slots": 1_000}, map[string]any{"of": id})
	w.send(&events.AttemptFinished{TaskId: "running", Pool: blue, EngineId: "e1", Token: running, Outcome: events.AttemptFinished_FAILED})
	w.send(&events.TaskRequested{TaskId: id, Pool: blue, Kind: "k", Predicate: fmt.Sprintf("engine.labels.of == %q", id), Priority: proto.Int32(9)})
	for range 100 {
		w.decide(func(s *State, emit func(proto.Message)) { s.Advance(w.clock(), emit) })
		if t := w.task(id); t == nil || t.status == assigned {
			break
		}
	}
	if t := w.task(id); t == nil {
		stopped("a well-formed task is refused or ended: %v", w.log[len(w.log)-1].Message)
	} else if t.status != assigned {
		stopped("a well-formed task is not placed: %v", t.status)
	}
}

// busyWorld has two engines, tasks that run, wait, wait for others, failed and ended, a
// reservation, a limit, a drain and settings of the pool. It returns the token of "running".
func busyWorld(tb testing.TB) (*world, uint64) {
	w := newWorld(tb, Config{})
	w.replica = nil
	w.engine("e1", "i1", map[string]int64{"slots": 2}, map[string]any{"gpu": 1})
	w.engine("e2", "i1", map[string]int64{"slots": 1}, nil)
	w.send(&events.EngineDrainRequested{EngineId: "e2", Pool: blue, Reason: "test"})
	w.send(&events.PoolConfigureRequested{Pool: blue, Settings: &events.PoolSettings{TenantWeights: map[string]int32{"x": 2}}})
	w.send(&events.TaskRequested{TaskId: "running", Pool: blue, Kind: "k", Payload: []byte("payload"), LimitKey: "l"})
	w.advance()
	w.send(&events.TaskRequested{TaskId: "ended", Pool: blue, Kind: "k", Payload: []byte("payload")})
	w.advance()
	w.send(&events.TaskCancelRequested{TaskId: "ended", Pool: blue})
	w.send(&events.TaskRequested{TaskId: "t", Pool: blue, Kind: "k", Predicate: "engine.labels.gpu >= 2", Tenant: "x"})
	w.send(&events.TaskRequested{TaskId: "limited", Pool: blue, Kind: "k", LimitKey: "l"})
	w.send(&events.TaskRequested{TaskId: "after", Pool: blue, Kind: "k", After: []string{"t"}})
	w.advance()
	t := w.task("running")
	if t == nil || t.status != assigned || w.task("limited").status != waiting {
		tb.Fatal("the world is not as it should be")
	}
	return w, t.token
}

// subjects are what an event may be about: the task that waits, the one that runs, one that
// ended, none that is known.
func subjects(running uint64) []eventstest.Known {
	return []eventstest.Known{
		{"pool": blue, "task_id": "running", "id": "running", "engine_id": "e1", "incarnation": "i1", "token": running, "at_ms": int64(1_000_000)},
		{"pool": blue, "task_id": "t", "id": "new", "engine_id": "e1", "incarnation": "i1", "token": running + 1, "at_ms": int64(1_000_000), "replay_of": "ended"},
		{"pool": blue, "task_id": "limited", "id": "e1", "engine_id": "e2", "incarnation": "i1", "token": running, "at_ms": int64(1_000_000)},
	}
}

// TestAbsurdEvents: whatever a counting event says, the fold and the owner go on. It takes
// every type of event of the catalogue and every field of its schema, so a new one is tried
// without anybody thinking of it.
func TestAbsurdEvents(t *testing.T) {
	t.Parallel()
	_, running := busyWorld(t)
	tried := 0
	for _, typ := range events.Types() {
		if events.KindOf(typ) != events.Event {
			continue
		}
		for i, known := range subjects(running) {
			for name, event := range eventstest.Absurd(typ, known) {
				if tried++; testing.Short() && tried%5 != 0 {
					continue // make sim tries them all.
				}
				absurdly(t, fmt.Sprintf("%s (about %d)", name, i), event, tried%2 == 0)
			}
		}
	}
	t.Logf("%d events", tried)
}

// FuzzEvents: as TestAbsurdEvents, of an event of which the data is anything.
func FuzzEvents(f *testing.F) {
	var types []events.Type
	_, running := busyWorld(f)
	for _, typ := range events.Types() {
		if events.KindOf(typ) != events.Event {
			continue
		}
		for _, known := range subjects(running) {
			event := eventstest.Full(typ)
			known.Set(event)
			data, err := proto.Marshal(event)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(uint8(len(types)), data)
		}
		types = append(types, typ)
	}
	f.Fuzz(func(t *testing.T, typ uint8, data []byte) {
		event := events.New(types[int(typ)%len(types)])
		if len(data) > 1<<20 || proto.Unmarshal(data, event) != nil {
			return // No reader would hand it on.
		}
		absurdly(t, "fuzzed data", event, len(data)%2 == 0)
	})
}
