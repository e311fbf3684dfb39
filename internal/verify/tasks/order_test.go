package tasks

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

func reserved(task, engine string) *events.TaskReserved {
	return &events.TaskReserved{TaskId: task, Pool: "p", EngineId: engine, Incarnation: "i1"}
}

// limited is a task with a limit key.
func limited(id string, limit int32) *events.TaskAccepted {
	a := accepted(id)
	a.Task.LimitKey, a.Task.Limit = "k", limit
	return a
}

func after(id string, others ...string) *events.TaskAccepted {
	a := accepted(id)
	a.Task.After = others
	return a
}

// ranked is a task with a place in order.
func ranked(id string, priority int32, tenant string, atMs int64) *events.TaskAccepted {
	a := accepted(id)
	a.Task.Priority, a.Task.Tenant, a.AtMs = priority, tenant, atMs
	return a
}

// Logs that break the order of tasks: limits, dependencies, reservations.
func brokenOrders() []brokenLog {
	two := []proto.Message{raised(), eng("e", "i1", 8), limited("t", 2), limited("u", 2), assigned("t", 1), assigned("u", 2)}
	dep := []proto.Message{raised(), eng("e", "i1", 8), accepted("a"), after("t", "a")}
	// t is reserved for; what may pass is before it.
	held := []proto.Message{raised(), eng("e", "i1", 8), ranked("t", 5, "x", 100), reserved("t", "e")}
	with := func(log []proto.Message, more ...proto.Message) []proto.Message {
		return append(log[:len(log):len(log)], more...)
	}
	// later waits from a time on that is behind t's, a minute for the priority included.
	later, sooner := ranked("u", 6, "x", 60), ranked("u", 6, "x", 60)
	later.Task.NotBeforeMs, sooner.Task.NotBeforeMs = 60_101, 60_099
	late := assigned("u", 1)
	late.AtMs = 60_101
	other := limited("v", 1)
	other.Task.LimitKey = "l"
	drain := &events.EngineDraining{EngineId: "e", Incarnation: "i1", Pool: "p"}
	resume := &events.EngineResumed{EngineId: "e", Incarnation: "i1", Pool: "p"}
	return []brokenLog{
		{"more than the limit", with(two, limited("v", 2), assigned("v", 3)), Options{}, []string{"G3 assigned while 2 tasks"}},
		{"its own limit", with(two, limited("v", 3), assigned("v", 3)), Options{}, nil},
		{"another key", with(two, other, assigned("v", 3)), Options{}, nil},
		{"no key", with(two, accepted("v"), assigned("v", 3)), Options{}, nil},
		{"one of them ended", with(two, succeeded("u", 2), limited("v", 2), assigned("v", 3)), Options{}, nil},
		{"their engine was lost", with(two, lost("i1"), eng("e", "i1", 1), limited("v", 1), assigned("v", 3)), Options{}, nil},
		{"a key without a limit", []proto.Message{raised(), eng("e", "i1", 8), limited("t", 0), limited("u", 0), assigned("t", 1), assigned("u", 2)},
			Options{}, []string{"G3 its limit is 1"}},
		{"before the other succeeded", with(dep, assigned("a", 1), assigned("t", 2)), Options{}, []string{`G4 before task "a"`}},
		{"after the other succeeded", with(dep, assigned("a", 1), succeeded("a", 1), assigned("t", 2)), Options{}, nil},
		{"after the other was cancelled", with(dep, cancelled("a"), assigned("t", 1)), Options{}, []string{`G4 task "a", after which it is to run, cancelled`}},
		{"after one that never was", []proto.Message{raised(), eng("e", "i1", 8), after("t", "a"), assigned("t", 1)}, Options{}, []string{"G4 was never accepted"}},
		{"one of two succeeded", with(dep, accepted("b"), after("u", "a", "b"), assigned("a", 1), succeeded("a", 1), assigned("u", 2)),
			Options{}, []string{`G4 before task "b"`}},
		{"reserved for another", with(held, ranked("u", 5, "x", 100), assigned("u", 1)), Options{}, []string{`G4 reserved for task "t"`}},
		{"reserved for another priority", with(held, ranked("u", 4, "y", 50), assigned("u", 1)), Options{}, []string{`G4 reserved for task "t"`}},
		{"before it in order", with(held, ranked("u", 6, "y", 60_099), assigned("u", 1)), Options{}, nil},
		{"behind it by its time", with(held, later, late), Options{}, []string{`G4 reserved for task "t"`}},
		{"before it by its time", with(held, sooner, late), Options{}, nil},
		{"before it by age", with(held, ranked("u", 5, "x", 99), assigned("u", 1)), Options{}, nil},
		{"of another tenant", with(held, ranked("u", 5, "y", 200), assigned("u", 1)), Options{}, nil},
		{"the reserved one", with(held, assigned("t", 1), ranked("u", 5, "x", 200), assigned("u", 2)), Options{}, nil},
		{"reserved until it ends", with(held, cancelled("t"), ranked("u", 5, "x", 200), assigned("u", 1)), Options{}, nil},
		{"reserved until it drains", with(held, drain, resume, ranked("u", 5, "x", 200), assigned("u", 1)), Options{}, nil},
		{"reserved until it is lost", with(held, lost("i1"), eng("e", "i1", 1), ranked("u", 5, "x", 200), assigned("u", 1)), Options{}, nil},
		{"reserved elsewhere since", with(held, eng("f", "i1", 1), reserved("t", "f"), ranked("u", 5, "x", 200), assigned("u", 1)), Options{}, nil},
		{"reserved for yet another since", with(held, ranked("u", 5, "x", 200), reserved("u", "e"), ranked("v", 5, "x", 150), assigned("v", 1)), Options{}, nil},
		{"a running one is reserved for", with(two, reserved("t", "e")), Options{}, []string{"G4 that runs on engine"}},
		{"a draining one is reserved", with(held[:3], drain, reserved("t", "e")), Options{}, []string{"G4 an engine is reserved that is draining"}},
		{"what never was is reserved", with(held[:3], reserved("t", "f")), Options{}, []string{"G4 which is not registered"}},
		{"reserved for what never was", []proto.Message{raised(), eng("e", "i1", 1), reserved("t", "e")}, Options{}, []string{"G1 a reservation of a task that was never accepted"}},
	}
}

// What one task waited for and got is not taken back when the ID is used again.
func TestAfterOutlivesTheWindow(t *testing.T) {
	t.Parallel()
	l := newLog(t)
	again := accepted("a")
	again.AtMs = windowMillis
	l.each(raised(), eng("e", "i1", 8), accepted("a"), after("t", "a"), assigned("a", 1), succeeded("a", 1), again, assigned("t", 2))
	l.finds(Options{})
}
