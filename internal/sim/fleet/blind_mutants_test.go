package fleet

import (
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// blindMutants have a core that does not see one thing that the log has. They
// decide as if it were not there.
var blindMutants = []fleetMutant{
	{"ignores limits", blindToTasks(func(t *events.Task) { t.LimitKey, t.Limit = "", 0 }), "G3", "with the limit key"},
	{"ignores what others must do first", blindToTasks(func(t *events.Task) { t.After = nil }), "G4", "after which it is to run"},
	{"ignores the time of a task", blindToTasks(func(t *events.Task) { t.NotBeforeMs = 0 }), "G4", "it must not be before"},
	{"ignores what engines accept", blindToEngines(func(e *events.Engine) { e.Accepts = "" }), "G4", "the engine accepts"},
	{"ignores nodes", blindToEngines(func(e *events.Engine) { e.Node = "" }), "G4", "in engine.running.node_"},
	{"ignores what is measured", blind(func(m proto.Message) bool { return events.TypeOf(m) != events.TypeEngineObserved }), "G3", "measured as used"},
	{"ignores reservations", blind(func(m proto.Message) bool { return events.TypeOf(m) != events.TypeTaskReserved }), "G4", "the engine is reserved for task"},
}

// blind has the core fold only what it sees of an event, which is a copy. It keeps
// no snapshots, which would be those of a core that sees less.
func blind(sees func(m proto.Message) bool) sim.Mutant[input] {
	return func(cfg *eventlog.OwnerConfig[input], _ *sim.Process) {
		newCore := cfg.NewCore
		cfg.Snapshots = nil
		cfg.NewCore = func() eventlog.Core[input] { return &blindfold{newCore(), sees} }
	}
}

func blindToTasks(strip func(t *events.Task)) sim.Mutant[input] {
	return blind(func(m proto.Message) bool {
		if accepted, ok := m.(*events.TaskAccepted); ok {
			strip(accepted.Task)
		}
		return true
	})
}

func blindToEngines(strip func(e *events.Engine)) sim.Mutant[input] {
	return blind(func(m proto.Message) bool {
		if registered, ok := m.(*events.EngineRegistered); ok {
			strip(registered.Engine)
		}
		return true
	})
}

type blindfold struct {
	eventlog.Core[input]
	sees func(m proto.Message) bool
}

func (c *blindfold) Apply(l events.Logged) {
	if l.Message != nil {
		if l.Message = proto.Clone(l.Message); !c.sees(l.Message) {
			l.Message = nil
		}
	}
	c.Core.Apply(l)
}

// tellMutants are sound in what they decide. What is wrong is what they tell
// engines, or which engine they like: only the checks of a run notice.
var tellMutants = []struct {
	name string
	sim.Mutant[input]
	complaint string
}{
	{"delivers no payload after it was restored", telling(func(c *teller, out *events.Outgoing) {
		if c.restored {
			out.Missing, out.Complete = 0, nil
		}
	}), `with the payload ""`},
	{"delivers the payload of another", telling(func(c *teller, out *events.Outgoing) {
		if out.Missing > 0 && c.first > 0 {
			out.Missing = c.first
		}
	}), `with the payload "payload of`},
	{"ignores preferences", blindToTasks(func(t *events.Task) { t.Prefer = "" }), "the event says"},
}

func TestSimFleetTellMutantsDie(t *testing.T) {
	t.Parallel()
	for _, m := range tellMutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= 50; seed++ {
				f := newFleet(seed, m.Mutant)
				f.Run()
				if err := f.Check(); err != nil && strings.Contains(err.Error(), m.complaint) {
					t.Logf("seed %d: %v", seed, err)
					return
				}
			}
			t.Errorf("in 50 seeds no check complained of %q", m.complaint)
		})
	}
}

// telling has an owner change what it publishes.
func telling(change func(c *teller, out *events.Outgoing)) sim.Mutant[input] {
	return func(cfg *eventlog.OwnerConfig[input], _ *sim.Process) {
		newCore := cfg.NewCore
		cfg.NewCore = func() eventlog.Core[input] { return &teller{counting: newCore().(*counting), change: change} }
	}
}

type teller struct {
	*counting
	change   func(c *teller, out *events.Outgoing)
	restored bool
	first    int64 // where the first payload stands that it saw
}

func (c *teller) Restore(state []byte) error {
	c.restored = true
	return c.counting.Restore(state)
}

func (c *teller) Apply(l events.Logged) {
	if _, ok := l.Message.(*events.TaskAccepted); ok && c.first == 0 {
		c.first = l.Offset
	}
	c.counting.Apply(l)
}

func (c *teller) Publish(l events.Logged, send func(events.Outgoing)) {
	c.counting.Publish(l, func(out events.Outgoing) {
		c.change(c, &out)
		send(out)
	})
}
