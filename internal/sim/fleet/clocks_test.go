package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/internal/steady"
	"github.com/spanway/spanway/pkg/events"
)

// clocks are the clocks of the fleet's hosts. The time of day of each may be set; what
// elapses is the world's.
type clocks struct {
	world *sim.World
	// tell makes the clock of a process of what its host's clocks say.
	tell func(host string, read func() steady.Reading) func() time.Time
	// offsets of the hosts' times of day, by name.
	offsets map[string]time.Duration
}

func newClocks(w *sim.World) *clocks {
	return &clocks{world: w, tell: steadily, offsets: map[string]time.Duration{}}
}

// steadily is the production code.
func steadily(_ string, read func() steady.Reading) func() time.Time {
	c := steady.New(read())
	return func() time.Time { return time.Unix(0, c.Tell(read())) }
}

// of is the clock of a process that starts now on the host.
func (c *clocks) of(host string) func() time.Time {
	return c.tell(host, func() steady.Reading { return c.read(host) })
}

func (c *clocks) read(host string) steady.Reading {
	return steady.Reading{Wall: c.world.Now().Add(c.offsets[host]).UnixNano(), Elapsed: int64(c.world.Elapsed())}
}

// ahead is how far a steady clock of any host may be ahead of the world.
func (c *clocks) ahead() time.Duration {
	if len(c.offsets) == 0 {
		return 0
	}
	return c.world.Elapsed()/16 + time.Millisecond
}

// jump sets the time of day of a host now and then, both ways, and corrects it.
func (c *clocks) jump(host string, until time.Duration) {
	w := c.world
	w.After(w.Between(0, time.Second), func() {
		if w.Elapsed() > until {
			return
		}
		c.offsets[host] = w.Between(-3*time.Second, 3*time.Second)
		if w.Chance(0.3) {
			c.offsets[host] = w.Between(-24*time.Hour, 24*time.Hour)
		}
		w.After(w.Between(0, 2*time.Second), func() {
			c.offsets[host] = 0
			c.jump(host, until)
		})
	})
}

// jumping is a fleet of which nothing fails but clocks. Its scheduler and engines are
// killed in the end and started again with clocks that are wrong by a day.
type jumping struct{ *fleet }

// jumpingFor is how long clocks jump.
const jumpingFor = 10 * time.Second

func newJumping(seed uint64, tell func(string, func() steady.Reading) func() time.Time) *jumping {
	f := newFleet(seed, nil)
	f.world.Chances = sim.Chances{}
	f.clocks.tell = tell
	return &jumping{f}
}

func (j *jumping) Run() {
	f, w := j.fleet, j.world
	name := "scheduler"
	owner := w.NewNode(name, f.schedule(name))
	f.clocks.jump(name, jumpingFor)
	for i := range fleetEngines {
		e := &engine{fleet: f, number: i, spec: newSpec(i), steadfast: true}
		e.node = w.NewNode(e.spec.Id, e.live)
		f.engines, f.nodes = append(f.engines, e), append(f.nodes, e.node)
		f.clocks.jump(e.spec.Id, jumpingFor)
	}
	client := w.NewNode("client", f.submit)
	w.Run(jumpingFor)
	f.clocks.offsets[name] = -24 * time.Hour
	owner.Restart()
	w.Run(3 * fleetTTL)
	for i, n := range f.nodes { // Its clock is a day behind, or ahead.
		f.clocks.offsets[f.engines[i].spec.Id] = []time.Duration{-24 * time.Hour, 24 * time.Hour}[i%2]
		n.Restart()
	}
	w.Run(fleetTTL / 2)
	for _, e := range f.engines {
		if s := e.holder.Status(); s.State.String() != "ready" {
			f.complain("half a TTL after it was killed and started again, %s is %v: %v", e.spec.Id, s.State, e.holder.Err())
		}
	}
	w.Run(fleetQuiet)
	for _, n := range append(f.nodes, owner, client) {
		n.Stop()
	}
	for _, job := range f.jobs {
		job.Crash()
	}
}

// Check: no step ended a lease, and no task is dead for that reason.
func (j *jumping) Check() error {
	if len(j.complaints) > 0 {
		return fmt.Errorf("%s (%d complaints)", j.complaints[0], len(j.complaints))
	}
	log, err := sim.Judge(j.log.Whole(), 0)
	if err != nil {
		return err
	}
	tokens, registered := map[uint64]bool{}, 0
	for _, l := range log {
		switch m := l.Message.(type) {
		case *events.EngineLost:
			return fmt.Errorf("offset %d: engine %s was lost: %s", l.Offset, m.EngineId, m.Reason)
		case *events.EngineRegistrationRefused:
			return fmt.Errorf("offset %d: engine %s was refused: %s", l.Offset, m.EngineId, m.Message)
		case *events.EngineRegistered:
			registered++
		case *events.TaskDeadLettered:
			if m.Error.GetCode() == "ENGINE_LOST" && !strings.HasSuffix(m.Error.Message, "a new incarnation registered") {
				return fmt.Errorf("offset %d: task %s is dead: %v", l.Offset, m.TaskId, m.Error)
			}
		case *events.TaskAssigned:
			if tokens[m.Token] {
				return fmt.Errorf("offset %d: token %d was given twice", l.Offset, m.Token)
			}
			tokens[m.Token] = true
		}
	}
	if registered != 2*fleetEngines {
		return fmt.Errorf("%d registrations of %d engines that were started twice", registered, fleetEngines)
	}
	return j.checkResults(log)
}

func TestSimFleetClocksJump(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(25, 4), func(seed uint64) sim.Story { return newJumping(seed, steadily) })
}

// All that may fail does, and clocks of engines jump besides.
func TestSimFleetChaosWithClocksThatJump(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(20, 3), func(seed uint64) sim.Story {
		f := newFleet(seed, nil)
		for i := range fleetEngines {
			f.clocks.jump(newSpec(i).Id, fleetChaos)
		}
		return f
	})
}

// A clock of the larger of both times stands still after the time of day was ahead and
// was corrected: for an engine, and for a scheduler.
func TestSimFleetClocksMutantsDie(t *testing.T) {
	t.Parallel()
	for _, of := range []string{"engine", "scheduler"} {
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			sim.Dies(t, func(seed uint64) sim.Story {
				return newJumping(seed, func(host string, read func() steady.Reading) func() time.Time {
					if strings.HasPrefix(host, of) {
						return larger(read)
					}
					return steadily(host, read)
				})
			})
		})
	}
}

func larger(read func() steady.Reading) func() time.Time {
	start := read()
	last := start.Wall
	return func() time.Time {
		r := read()
		last = max(last, start.Wall+max(r.Elapsed-start.Elapsed, r.Wall-start.Wall))
		return time.Unix(0, last)
	}
}
