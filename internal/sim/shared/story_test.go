package shared

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

const (
	topic     = "toy.calls"
	nodes     = 4
	intruders = 10
	chaosTime = 4 * time.Second
	quietTime = 6 * time.Second
)

// story is a world of hosts that make calls to one shared log.
type story struct {
	world          *sim.World
	chance         *rand.Rand // of what follows
	log, snapshots *sim.Partition
	nodes          []*sim.Node
	hosts          []*host // all lives
	jobs, unaware  []*sim.Process
	history        time.Duration
	every          int64
	usedUntil      time.Duration
	lossy          bool
	mutant         mutant
	over           bool

	asked    int64
	calls    []*call
	seen     []observation
	arrivals []time.Duration // of what stands at each offset
	terms    []*reading      // of the log before it lost its tail, each time
	fault    error
	notes    []note
	begun    []eventlog.Beginning

	rots, losses, forgot int
}

// observation is what the state of a host was at an offset, in a term of the log.
type observation struct {
	host     string
	term, at int64
	hash     uint64
}

type note struct {
	at     time.Duration
	format string
	args   []any
}

func newStory(seed uint64, m mutant) *story {
	w := sim.NewWorld(seed)
	s := &story{
		world: w, chance: rand.New(rand.NewPCG(seed, 0xf0110)), mutant: m,
		log: sim.NewPartition(), snapshots: sim.NewPartition(), usedUntil: chaosTime + time.Second,
	}
	s.log.PageRecords = 5 + w.Rand.IntN(30)
	s.log.Forgetful, s.snapshots.Forgetful = w.Chance(0.5), w.Chance(0.5)
	s.log.Appended = s.arrived
	s.history, s.every = w.Between(0, 100*time.Millisecond), 5+w.Rand.Int64N(30)
	w.Chances = sim.Chances{Drop: 0.05, Double: 0.05, Slow: 0.08, SlowMax: 2 * time.Second}
	for range intruders {
		w.After(w.Between(0, chaosTime), s.intrude)
	}
	w.After(w.Between(chaosTime/4, chaosTime/2), s.strand)
	return s
}

// strand pauses a host until what it is to read next is deleted, if that comes to be.
func (s *story) strand() {
	h := s.hosts[s.world.Rand.IntN(len(s.hosts))]
	var look func()
	look = func() {
		switch {
		case s.start() > h.next || s.world.Elapsed() > chaosTime:
			h.process.Continue()
		case h.gone || !h.process.Alive():
			s.strand()
		default:
			h.process.Pause() // Its misfortune may have let it go on.
			s.world.After(20*time.Millisecond, look)
		}
	}
	s.world.After(20*time.Millisecond, look)
}

// arrived notes when records landed.
func (s *story) arrived(base int64, batch []events.Record) {
	s.arrivals = s.arrivals[:base]
	for range batch {
		s.arrivals = append(s.arrivals, s.world.Elapsed())
	}
}

func (s *story) append(r events.Record) {
	_, _ = s.log.Append(context.Background(), []events.Record{r})
}

// Run is a time of chaos, then one of peace in which all hosts live.
func (s *story) Run() {
	w := s.world
	for i := range nodes {
		name := fmt.Sprintf("host-%d", i)
		n := w.NewNode(name, s.live(name))
		n.Misfortune(chaosTime, 800*time.Millisecond)
		s.nodes = append(s.nodes, n)
	}
	w.Run(chaosTime)
	w.Chances = sim.Chances{}
	s.nodes[0].Restart() // The last crash may have been the one of the only keeper.
	w.Run(s.quiet())
	s.over = true
	for _, n := range s.nodes {
		n.Stop()
	}
	for _, job := range s.jobs {
		job.Crash()
	}
}

// quiet is how long the peace lasts: after a loss a host may wait for what is hidden.
func (s *story) quiet() time.Duration {
	if s.lossy {
		return quietTime + 10*time.Second
	}
	return quietTime
}

// rot spoils the newest snapshot now and then, in a power cut that all hosts feel: that is
// why there are two. Jobs that began while it was whole may believe in it.
func (s *story) rot() {
	s.note("a job of housekeeping has ended; the log begins at %d", s.start())
	if s.lossy || s.world.Elapsed() > s.usedUntil || !s.world.Chance(0.15) || slices.ContainsFunc(s.unaware, (*sim.Process).Alive) {
		return
	}
	list, _, err := s.store(s.snapshots.Log).Usable(context.Background(), s.log.Log)
	if err != nil || len(list) < 2 || list[0].Manifest.Offset == list[1].Manifest.Offset {
		return
	}
	s.rots++
	s.note("the snapshot at %d is spoiled", list[0].Manifest.Offset)
	s.snapshots.Spoil(list[0])
	s.unaware = slices.DeleteFunc(slices.Clone(s.jobs), func(job *sim.Process) bool { return !job.Alive() })
	for _, n := range s.nodes {
		if n.Running() {
			n.Restart()
		}
	}
}

func (s *story) start() int64 {
	start, _, _ := eventlog.Bounds(context.Background(), s.log.Log)
	return start
}

func (s *story) saw(o observation) { s.seen = append(s.seen, o) }

// blame notes what should not have happened; the first counts.
func (s *story) blame(err error) {
	if s.fault == nil {
		s.fault = err
	}
}

func (s *story) note(format string, args ...any) {
	s.notes = append(s.notes, note{s.world.Elapsed(), format, args})
}

// Records implements sim.Story.
func (s *story) Records() []events.Record { return s.log.Records() }

// Tell implements sim.Teller.
func (s *story) Tell(say func(format string, args ...any)) {
	for _, n := range s.notes {
		say("%6d ms  %s", n.at.Milliseconds(), fmt.Sprintf(n.format, n.args...))
	}
	last, err := s.read()
	if err != nil {
		say("%v", err)
		return
	}
	for _, d := range last.decided {
		say("%5d  %6d ms  %v seen %d: %s %v: %q", d.call.Offset, s.arrivals[d.call.Offset].Milliseconds(),
			d.call.ID, d.call.Seen, d.call.Type, d.call.Message, d.verdict.Code)
	}
}
