package tasks

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

func raised() *events.LogFoldVersionRaised { return &events.LogFoldVersionRaised{Version: 2} }

// accepting is an engine that does not take every task.
func accepting(text string) *events.EngineRegistered {
	e := eng("e", "i1", 4)
	e.Engine.Accepts = text
	return e
}

// onNode is an engine of that node.
func onNode(id, node string) *events.EngineRegistered {
	e := eng(id, "i1", 4)
	e.Engine.Node = node
	return e
}

func observed(dimension string, n int64) *events.EngineObserved {
	return &events.EngineObserved{EngineId: "e", Incarnation: "i1", Pool: "p", Used: map[string]int64{dimension: n}}
}

// needing is a task that needs so much memory.
func needing(id string, memory int64) *events.TaskAccepted {
	a := accepted(id)
	a.Task.Needs = map[string]int64{"slots": 1, "memory_bytes": memory}
	return a
}

func onEngine(a *events.TaskAssigned, id string) *events.TaskAssigned {
	a.EngineId = id
	return a
}

// Logs that break the match of tasks and engines.
func brokenMatches() []brokenLog {
	other := observed("memory_bytes", 1<<30)
	other.Incarnation = "i0"
	early := accepted("t")
	early.Task.NotBeforeMs = 1000
	soon := assigned("t", 1)
	soon.AtMs = 999
	inTime := assigned("t", 1)
	inTime.AtMs = 1000
	seen := assigned("t", 1)
	seen.View = 3
	return []brokenLog{
		{"not accepted", []proto.Message{raised(), accepting(`task.kind == "hop"`), accepted("t"), assigned("t", 1)},
			Options{}, []string{`G4 accepts "task.kind == \"hop\"": it is false of the task`}},
		{"accepted by other attributes", []proto.Message{raised(), accepting(`task.priority > 4 && task.tenant == "" && task.needs.slots == 1 && task.attempt == 1`),
			accepted("t"), assigned("t", 1)}, Options{}, nil},
		{"accepts in error", []proto.Message{raised(), accepting(`task.needs.gpu > 0`), accepted("t"), assigned("t", 1)},
			Options{}, []string{"G4 evaluation ended in an error"}},
		{"accepts by itself", []proto.Message{raised(), accepting(`engine.site == "eu"`), accepted("t"), assigned("t", 1)},
			Options{}, []string{"G4 undeclared reference"}},
		{"more than the headroom", []proto.Message{raised(), eng("e", "i1", 4), observed("memory_bytes", 1<<29), needing("t", 1<<29+1), assigned("t", 1)},
			Options{}, []string{"G3 536870912 are measured as used"}},
		{"just the headroom", []proto.Message{raised(), eng("e", "i1", 4), observed("memory_bytes", 1<<29), needing("t", 1<<29), assigned("t", 1)}, Options{}, nil},
		{"the newest counts", []proto.Message{raised(), eng("e", "i1", 4), observed("memory_bytes", 1<<30), observed("slots", 1), needing("t", 1<<30), assigned("t", 1)},
			Options{}, nil},
		{"of another incarnation", []proto.Message{raised(), eng("e", "i1", 4), other, needing("t", 1<<30), assigned("t", 1)}, Options{}, nil},
		{"gone with its incarnation", []proto.Message{raised(), eng("e", "i0", 4), other, eng("e", "i1", 4), needing("t", 1<<30), assigned("t", 1)}, Options{}, nil},
		{"not what it does not need", []proto.Message{raised(), eng("e", "i1", 4), observed("memory_bytes", 1<<31), accepted("t"), assigned("t", 1)}, Options{}, nil},
		{"a view before the measurement", []proto.Message{raised(), eng("e", "i1", 4), observed("slots", 1), accepted("t"), seen}, Options{}, []string{"G4 the engine changed"}},
		{"too early", []proto.Message{raised(), eng("e", "i1", 4), early, soon}, Options{}, []string{"G4 must not be before 1000"}},
		{"in time", []proto.Message{raised(), eng("e", "i1", 4), early, inTime}, Options{}, nil},
	}
}

// What predicates see of nodes and of measured use.
func TestViewsOfNodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		predicate, engine string
		want              []string
	}{
		{`engine.node == "n1" && engine.used.slots == 1 && !has(engine.used.gpu)`, "e", nil},
		{`engine["node"] == "n2" && engine["used"] == {}`, "g", nil},
		{`engine.running.node_kinds == ["resize"] && engine.running.node_tasks == ["t"]`, "e", nil},
		{`engine.running.node_kinds == ["resize"] && engine.running.kinds == []`, "f", nil},
		{`!("resize" in engine.running.node_kinds)`, "g", nil},
		{`!("resize" in engine.running.node_kinds)`, "f", []string{"G4 it is false"}},
		{`engine.running.node_tasks == [] && engine.node == ""`, "h", nil},
		{`engine.used.slots == 0`, "e", []string{"G4 it is false"}},
	} {
		l := newLog(t)
		used := observed("slots", 1)
		used.Used["gpu"] = 3 // The engine has none.
		l.each(raised(), onNode("e", "n1"), onNode("f", "n1"), onNode("g", "n2"), onNode("h", ""), used,
			accepted("t"), assigned("t", 1), where("u", c.predicate), onEngine(assigned("u", 2), c.engine))
		l.finds(Options{}, c.want...)
	}
	// What left a node is not on it any more.
	l := newLog(t)
	l.each(raised(), onNode("e", "n1"), onNode("f", "n1"), accepted("t"), assigned("t", 1), lost("i1"),
		where("u", `engine.running.node_tasks == []`), onEngine(assigned("u", 2), "f"),
		eng("e", "i2", 1), onNode("e", "n1"), assigned("t", 3),
		where("v", `engine.running.node_tasks == ["t", "u"]`), onEngine(assigned("v", 4), "f"))
	l.finds(Options{})
}

// Logs whose fold is not of the version that their events need.
func brokenVersions() []brokenLog {
	back := accepted("t")
	back.Task.PayloadAt = 1
	keyed := accepted("t")
	keyed.Task.LimitKey = "k"
	whole := accepted("t")
	whole.Task.Payload = []byte("x")
	third := &events.LogFoldVersionRaised{Version: 3}
	return []brokenLog{
		{"a measurement too soon", []proto.Message{eng("e", "i1", 1), observed("slots", 1), raised()}, Options{}, []string{"G5 not raised"}},
		{"a reservation too soon", []proto.Message{eng("e", "i1", 1), accepted("t"), reserved("t", "e"), raised()}, Options{}, []string{"G5 a reservation, but"}},
		{"settings too soon", []proto.Message{&events.PoolConfigured{Pool: "p"}, raised()}, Options{}, []string{"G5 settings"}},
		{"a demand too soon", []proto.Message{keyed, raised()}, Options{}, []string{"G5 a task with demands"}},
		{"a node too soon", []proto.Message{onNode("e", "n"), raised()}, Options{}, []string{"G5 what it accepts or its node"}},
		{"all that in time", []proto.Message{raised(), keyed, &events.PoolConfigured{Pool: "p"}, third}, Options{}, nil},
		{"raised twice", []proto.Message{raised(), raised()}, Options{}, []string{"G5 it has version 2 already"}},
		{"lowered", []proto.Message{third, raised()}, Options{}, []string{"G5 it has version 3 already"}},
		{"a payload that is deleted", []proto.Message{raised(), whole, &events.LogTruncated{Before: 3}}, Options{}, []string{"G1 has its payload at 2"}},
		{"payloads that stay", []proto.Message{raised(), accepted("u"), whole, &events.LogTruncated{Before: 3}}, Options{}, nil},
		{"an ended task's payload", []proto.Message{raised(), whole, cancelled("t"), &events.LogTruncated{Before: 3}}, Options{}, nil},
		{"a payload that was deleted", []proto.Message{raised(), &events.LogTruncated{Before: 2}, back}, Options{}, []string{"G1 its payload is that of offset 1"}},
		{"deleted ahead", []proto.Message{raised(), &events.LogTruncated{Before: 9}}, Options{}, []string{"G1 this event included"}},
	}
}
