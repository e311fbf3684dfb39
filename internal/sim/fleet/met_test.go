package fleet

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/events"
)

// TestSimFleetMeets: in the logs of few seeds everything happens that the checks
// are to judge; or else they would judge nothing.
func TestSimFleetMeets(t *testing.T) {
	t.Parallel()
	const seeds = 40
	met := map[string]int{}
	for seed := range uint64(seeds) {
		f := newFleet(seed+1, nil)
		f.Run()
		f.meets(t, met)
	}
	t.Log(met)
	for _, what := range []string{
		"accepts something", "on a node", "observed", "given up as unobserved", "configured anew",
		"reserved", "placed where it was reserved", "scored", "unscored",
		"limited", "not before", "after others", "forward reference", "retried", "payload of another event", "dead letter with payload",
		"refused: DEPENDENCY_FAILED", "refused: DEPENDENCY_CYCLE", "refused: UNKNOWN_DEPENDENCY", "cancelled with another",
	} {
		if met[what] == 0 {
			t.Errorf("in %d seeds there was never: %s", seeds, what)
		}
	}
}

// meets counts what happened in a run.
func (f *fleet) meets(t *testing.T, met map[string]int) {
	t.Helper()
	log, err := sim.Judge(f.log.Whole(), 0)
	if err != nil {
		t.Fatal(err)
	}
	count := func(what string, when bool) {
		if when {
			met[what]++
		}
	}
	accepted, held := map[string]*events.Task{}, map[string]string{}
	for _, l := range log {
		switch m := l.Message.(type) {
		case *events.EngineRegistered:
			count("accepts something", m.Engine.Accepts != "")
			count("on a node", m.Engine.Node != "")
		case *events.EngineObserved:
			count("observed", len(m.Used) > 0)
			count("given up as unobserved", len(m.Used) == 0)
		case *events.PoolConfigured:
			count("configured anew", l.Offset > 20)
		case *events.TaskAccepted:
			accepted[m.Task.Id] = m.Task
			for _, id := range m.Task.After {
				count("forward reference", accepted[id] == nil)
			}
			count("retried", m.Task.ReplayOf != "")
			count("payload of another event", m.Task.PayloadAt != 0)
		case *events.TaskReserved:
			met["reserved"]++
			held[m.TaskId] = m.EngineId
		case *events.TaskAssigned:
			task := accepted[m.TaskId]
			count("placed where it was reserved", held[m.TaskId] == m.EngineId)
			count("scored", m.Score != nil)
			count("unscored", m.Score == nil && task.Prefer != "")
			count("limited", task.LimitKey != "")
			count("not before", task.NotBeforeMs != 0)
			count("after others", len(task.After) > 0)
		case *events.TaskRejected:
			met["refused: "+m.Code]++
		case *events.TaskCancelled:
			count("cancelled with another", strings.HasPrefix(m.Reason, string(events.CodeDependencyFailed)))
		case *events.TaskDeadLettered:
			met["dead letter with payload"]++
		}
	}
}
