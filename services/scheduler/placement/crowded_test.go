package placement

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

// TestAdvanceLeavesNothing: once Advance says that nothing is left, the same call
// does nothing, and nothing waits that could run. Few engines, large tasks between
// small ones and short reservations make that each assignment frees or takes what
// others look at: reservations, limits, tags of tenants, what predicates read.
func TestAdvanceLeavesNothing(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := newChaos(rt, t, Config{})
		c.advance() // It raises the fold version.
		c.send(&events.PoolConfigureRequested{Pool: blue, Settings: &events.PoolSettings{
			ReserveAfterMs: 10, TenantWeights: map[string]int32{"acme": int32(1 + c.draw(3, "weight"))},
		}})
		for i := range 1 + c.draw(3, "engines") {
			c.crowdedEngine(fmt.Sprint("e", i))
		}
		scanned := c.draw(2, "scanned") > 0 // Who must be scanned has Advance called again, whatever else is left.
		for range rapid.IntRange(5, 60).Draw(rt, "steps") {
			c.crowd(scanned)
			if c.draw(3, "advance") > 0 {
				c.advance()
				c.check()
			}
		}
		c.finishAll()
	})
}

func (c *chaos) crowdedEngine(id string) {
	c.incarnation++
	c.send(&events.EngineRegistration{Engine: &events.Engine{
		Id: id, Incarnation: fmt.Sprintf("%06d", c.incarnation), Pool: blue, Site: "eu", Kinds: []string{"k", "k2"},
		Labels:               map[string]*structpb.Value{"gpu": structpb.NewNumberValue(float64(c.draw(2, "gpu")))},
		Allocatable:          map[string]int64{"slots": int64(3 + c.draw(6, "slots")), "mem": 4},
		AssignmentsPartition: events.EnginePartition(events.EngineID(id)), Node: []string{"", "n1"}[c.draw(2, "node")],
	}})
}

// crowd does one thing to a pool that has too little room.
func (c *chaos) crowd(scanned bool) {
	switch c.draw(10, "action") {
	case 0, 1, 2, 3, 4:
		c.submitCrowded(scanned)
	case 5, 6, 7:
		tasks := c.tasksCopy()
		for _, id := range slices.Sorted(maps.Keys(tasks)) {
			if tasks[id] == assigned && c.draw(3, "ends") > 0 {
				c.finish(id, []events.AttemptFinished_Outcome{
					events.AttemptFinished_SUCCEEDED, events.AttemptFinished_SUCCEEDED, events.AttemptFinished_FAILED, events.AttemptFinished_RETURNED,
				}[c.draw(4, "outcome")])
			}
		}
	case 8:
		c.now += int64(c.draw(30, "ms"))
	case 9:
		switch id := fmt.Sprint("e", c.draw(4, "engine")); c.draw(3, "change") {
		case 0:
			c.crowdedEngine(id)
		case 1:
			c.send(&events.TaskCancelRequested{TaskId: c.anyTask(), Pool: blue})
		default:
			if slices.Contains(c.enginesReady(), id) {
				c.beat(c.state.pools[blue].engines[id], map[string]int64{"slots": int64(c.draw(5, "used"))})
			}
		}
	}
}

func (c *chaos) submitCrowded(scanned bool) {
	r := &events.TaskRequested{
		TaskId: fmt.Sprintf("t%d", c.submitted), Pool: blue, Kind: []string{"k", "k2"}[c.draw(2, "kind")],
		Tenant: []string{"", "acme"}[c.draw(2, "tenant")], Priority: proto.Int32(int32(c.draw(3, "priority"))),
		Needs: map[string]*structpb.Value{"slots": structpb.NewNumberValue(float64([]int{1, 1, 1, 2, 3, 5}[c.draw(6, "slots")]))},
		Retry: &events.RetryRequested{MaxAttempts: proto.Int32(3), InitialBackoff: "5ms"},
	}
	predicates, prefers := []string{"", "", "", "engine.labels.gpu == 1"}, []string{"", "", "", "engine.labels.gpu == 1 ? 2 : 1"}
	if scanned {
		predicates = append(predicates, "engine.free.slots >= 2", "engine.free.slots <= 2", "size(engine.running.tasks) > 0",
			"'k2' in engine.running.node_kinds", "engine.id != 'e0'")
		prefers = append(prefers, "engine.free.slots", "-engine.free.slots")
	}
	r.Predicate, r.Prefer = predicates[c.draw(len(predicates), "predicate")], prefers[c.draw(len(prefers), "prefer")]
	if c.draw(4, "limited") == 0 {
		r.LimitKey, r.Limit = "key", proto.Int32(int32(1+c.draw(2, "limit")))
	}
	c.submitted++
	c.send(r)
}

// TestScanSeesWhatItPlaced: what a group's own task changes on a node is looked at
// for the next one, although no other group waits.
func TestScanSeesWhatItPlaced(t *testing.T) {
	w := newWorld(t, Config{})
	for _, id := range []string{"e1", "e2"} {
		w.send(&events.EngineRegistration{Engine: &events.Engine{
			Id: id, Incarnation: "1", Pool: blue, Kinds: []string{"k"}, Allocatable: map[string]int64{"slots": 1}, Node: "n",
			AssignmentsPartition: events.EnginePartition(events.EngineID(id)),
		}})
	}
	w.send(&events.EngineDrainRequested{EngineId: "e2", Pool: blue})
	for _, id := range []string{"a", "b"} {
		w.submit(id, "engine.id == 'e2' || 'k' in engine.running.node_kinds")
	}
	w.advance()
	w.send(&events.EngineResumeRequested{EngineId: "e2", Pool: blue})
	w.advance()
	for id, on := range map[string]string{"a": "e2", "b": "e1"} {
		if e := w.task(id).engine; e == nil || e.id != on {
			t.Errorf("%s runs on %v, not on %s", id, e, on)
		}
	}
}

// TestTimeThatEventsBring: the log's life, by which tasks give up on those that they
// wait for, goes on with what Advance itself emits.
func TestTimeThatEventsBring(t *testing.T) {
	w := newWorld(t, Config{})
	w.engine("e1", "1", map[string]int64{"slots": 1}, nil)
	w.send(&events.TaskRequested{TaskId: "b", Pool: blue, Kind: "k", After: []string{"never"}})
	for range 24*60 - 1 {
		w.now += maxStepMs
		w.emit(&events.PoolConfigured{Pool: blue, AtMs: w.now})
	}
	w.heartbeat("e1")
	w.submit("a", "")
	w.now += maxStepMs
	w.state.pools[blue].engines["e1"].lastBeat = w.now
	w.advance()
	if w.task("b") != nil {
		t.Error("b still waits, and nothing says when it is looked at")
	}
}

// TestManyEnginesLost: a call that could not declare all of them lost says so.
func TestManyEnginesLost(t *testing.T) {
	w := newWorld(t, Config{})
	for i := range maxEvents + 10 {
		w.engine(fmt.Sprint("e", i), "1", map[string]int64{"slots": 1}, nil)
	}
	w.now += 60_000
	w.advance()
	if n := w.state.pools[blue].present; n != 0 {
		t.Errorf("%d silent engines are there", n)
	}
}
