package lease

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

func needing(name string, n int64) func(*events.TaskAssigned) {
	return func(a *events.TaskAssigned) { a.Task.Needs = map[string]int64{name: n} }
}

// These scenes tell who gets the room of a handler that was stopped. The engine
// has two slots and one gpu.
func TestRoomScenes(t *testing.T) {
	for name, play := range map[string]func(t *testing.T){
		"who comes for the room of a stopped handler waits for it": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2), cancel(1), assign(3))
			s.wait(1000, true)
			s.saysAll("start 1", "start 2", "stop 1 cancelled", "started 2", "beat i1 next=15 received=1/5 [2 3]")
			s.finish(1, failed)
			s.finish(3, succeeded)
			s.says("start 3", "SUCCEEDED 3")
		},
		"a timeout that is reported without its handler leaves the room taken": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1, timeout(300)), assign(2))
			s.wait(2300, true)
			s.read(assign(3))
			s.says("start 1", "start 2", "started 1", "started 2", "stop 1 timed out", "FAILED 1 TIMEOUT")
			s.finish(1, succeeded)
			s.says("start 3")
		},
		"what would not fit even then is refused": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2), cancel(1), assign(3), assign(4))
			s.says("start 1", "start 2", "stop 1 cancelled", "REFUSED 4 NO_CAPACITY")
		},
		"one that waits does not hold up another that has room": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1, needing("gpu", 1)), assign(2), assign(3), cancel(1), cancel(2))
			s.read(assign(4, needing("gpu", 1)), assign(5), assign(6, needing("slots", 0)))
			s.finish(2, failed)
			s.finish(1, failed)
			s.says("start 1", "start 2", "start 3", "stop 1 cancelled", "stop 2 cancelled", "start 6", "start 5", "start 4")
		},
		"one that is cancelled while it waits is never started": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2), cancel(1), assign(3), takenBack(3), assign(4))
			s.finish(1, failed)
			s.says("start 1", "start 2", "stop 1 cancelled", "start 4")
		},
		"a handler that does not heed its end is abandoned": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2), cancel(1), assign(3))
			s.wait(29_999, true)
			s.says("start 1", "start 2", "stop 1 cancelled", "started 2")
			s.wait(1, true)
			s.says("abandon 1", "start 3")
			s.finish(1, succeeded)
			s.read(assign(4))
			s.says("REFUSED 4 NO_CAPACITY")
			if got := s.h.Status().Counts.Abandoned; got != 1 {
				t.Errorf("%d handlers abandoned, want 1", got)
			}
		},
		"handlers of a lost life take room in the next": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2), lost("i1"))
			s.heard(s.h.Register(s.now, "i2", 0))
			s.read(assign(3, func(a *events.TaskAssigned) { a.Incarnation = "i2" }))
			s.says("start 1", "start 2", "stop 1 lost", "stop 2 lost", "register anew", "register i2 from 14", "became ready")
			s.finish(2, failed)
			s.says("start 3")
		},
		"who waits for half of its execution timeout is handed back": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2), cancel(1), assign(3, timeout(5000)))
			s.wait(2500, true)
			s.finish(1, failed)
			s.says("start 1", "start 2", "stop 1 cancelled", "started 2", "RETURNED 3 RETURNED")
		},
		"who waited has its execution timeout, as far as the scheduler bears it": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2), cancel(1), assign(3, timeout(10_000)))
			s.wait(4000, true)
			s.finish(1, failed)
			s.wait(7999, true)
			s.says("start 1", "start 2", "stop 1 cancelled", "started 2", "start 3", "started 3")
			s.wait(1, true)
			s.says("stop 3 timed out")
		},
		"an engine that leaves hands back what waits": func(t *testing.T) {
			s := ready(t)
			s.read(assign(1), assign(2), cancel(1), assign(3))
			s.heard(s.h.Drain(s.now, 10_000))
			s.finish(1, failed)
			s.finish(2, succeeded)
			s.says("start 1", "start 2", "stop 1 cancelled", "leaving departed=false", "RETURNED 3 RETURNED",
				"SUCCEEDED 2", "leaving departed=true", "depart")
		},
	} {
		t.Run(name, play)
	}
}
