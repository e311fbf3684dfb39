package fleet

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
	"github.com/spanway/spanway/services/scheduler/placement"
)

const (
	fleetPool       = "blue"
	fleetSchedulers = 2
	fleetEngines    = 3
	fleetTasks      = 30
	fleetTTL        = time.Second
	fleetChaos      = 5 * time.Second
	fleetQuiet      = 14 * time.Second
)

var (
	fleetTopics    = events.Topics{Prefix: events.DefaultPrefix}
	fleetPartition = events.PoolPartition(fleetPool)
	// Compiling is pure and the only costly thing, so all worlds share it.
	fleetPredicates = predicate.NewCache(0)
)

// input is what the core of a scheduler decides on.
type input = *placement.Prepared

// fleet is a world of schedulers and engines over one pool, with the production
// cores of both.
type fleet struct {
	world    *sim.World
	clocks   *clocks
	requests *sim.Partition
	reports  *sim.Partition
	log      *sim.Partition
	others   map[eventlog.TopicPartition]*sim.Partition
	mutant   sim.Mutant[input]

	schedulers []*sim.Node
	engines    []*engine
	nodes      []*sim.Node // of the engines
	seen       []figures

	jobs    []*sim.Process
	history time.Duration

	incarnations uint64
	// payloadBytes is what schedulers hold of payloads; the others are in the log only.
	payloadBytes int
	// requested are the tasks that the client asked for, by ID.
	requested map[string]*events.TaskRequested
	// starts counts how often a handler was entered, by token; reported is how
	// the engine said that it ended.
	starts   map[events.Token]int
	reported map[events.Token]events.AttemptFinished_Outcome
	// measured is what engines ever measured as used of their memory, by their ID.
	measured map[string][]int64
	// complaints are what engines and schedulers met that must not be.
	complaints []string
}

func (f *fleet) complain(format string, args ...any) {
	f.complaints = append(f.complaints, fmt.Sprintf(format, args...))
}

// figures is what a scheduler's core was when all of it was known to count.
type figures struct {
	node   string
	events int
	hash   uint64
}

func newFleet(seed uint64, m sim.Mutant[input]) *fleet {
	w := sim.NewWorld(seed)
	f := &fleet{
		world: w, clocks: newClocks(w), requests: sim.NewPartition(), reports: sim.NewPartition(), log: sim.NewPartition(), mutant: m,
		others: map[eventlog.TopicPartition]*sim.Partition{}, starts: map[events.Token]int{},
		reported: map[events.Token]events.AttemptFinished_Outcome{}, measured: map[string][]int64{},
		requested: map[string]*events.TaskRequested{}, payloadBytes: 1,
	}
	if w.Chance(0.2) {
		f.payloadBytes = 100 // Some payloads, which then are those of ended tasks, too.
	}
	for _, p := range []*sim.Partition{f.requests, f.reports, f.log} {
		p.Forgetful = w.Chance(0.5)
	}
	f.history = w.Between(0, time.Second)
	f.log.PageRecords = 1 + w.Rand.IntN(50)
	w.Chances = sim.Chances{Drop: 0.03, Double: 0.05, Slow: 0.05, SlowMax: 2 * time.Second}
	return f
}

func (f *fleet) Records() []events.Record { return f.log.Records() }

// partition finds where a record of any topic goes.
func (f *fleet) partition(topic string, partition int32) *sim.Partition {
	if partition == fleetPartition {
		switch topic {
		case fleetTopics.Requests():
			return f.requests
		case fleetTopics.Reports():
			return f.reports
		case fleetTopics.Events():
			return f.log
		}
	}
	at := eventlog.TopicPartition{Topic: topic, Partition: partition}
	if f.others[at] == nil {
		f.others[at] = sim.NewPartition()
		f.others[at].Forgetful = f.requests.Forgetful
	}
	return f.others[at]
}

func (f *fleet) assignments(partition int32) *sim.Partition {
	return f.partition(fleetTopics.Assignments(), partition)
}

func (f *fleet) placement() placement.Config {
	return placement.Config{Topics: fleetTopics, Partition: fleetPartition, TTL: fleetTTL, Predicates: fleetPredicates, PayloadBytes: f.payloadBytes}
}

// counting is the production core, and how many events it folded.
type counting struct {
	*placement.State
	events int
	seen   int // how many it had folded when it was looked at last
}

func (c *counting) Apply(l events.Logged) {
	c.events++
	c.State.Apply(l)
}

// Snapshot implements eventlog.Fold, with the count.
func (c *counting) Snapshot(dst []byte) []byte {
	return c.State.Snapshot(binary.BigEndian.AppendUint64(dst, uint64(c.events)))
}

// Restore implements eventlog.Fold.
func (c *counting) Restore(state []byte) error {
	if len(state) < 8 {
		return errors.New("no count stands before the state")
	}
	c.events = int(binary.BigEndian.Uint64(state))
	return c.State.Restore(state[8:])
}

// keeper writes the fleet's snapshots and deletes what they make superfluous.
func (f *fleet) keeper(p *sim.Process, newFold func() eventlog.Fold) *sim.Keeper {
	return &sim.Keeper{
		World: p.World,
		Work: func(job *sim.Process) *eventlog.Housekeeper {
			return &eventlog.Housekeeper{
				Log: f.log.Log, NewFold: newFold, Now: job.World.Now, Keep: f.history,
				Snapshots: &eventlog.Snapshots{
					Log:   &sim.QuickReads{Handle: f.partition(events.Snapshots(fleetTopics.Events()), fleetPartition).Open(job)},
					Topic: fleetTopics.Events(), Partition: fleetPartition, Encoder: events.Encoder{Source: "keeper"},
				},
				Truncator: &sim.Truncator{Process: job, Partition: f.partition},
			}
		},
		Started: func(job *sim.Process) { f.jobs = append(f.jobs, job) },
		Ended:   func() {},
	}
}

// schedule is a scheduler's life: own the log, and when it is lost, try again.
func (f *fleet) schedule(name string) func(p *sim.Process) {
	return func(p *sim.Process) {
		for {
			_ = eventlog.NewOwner(f.config(name, p)).Run(context.Background())
			p.Sleep(p.World.Between(50*time.Millisecond, time.Second))
		}
	}
}

func (f *fleet) config(name string, p *sim.Process) eventlog.OwnerConfig[input] {
	preparer := placement.NewPreparer(f.placement())
	source := func(topic string, from *sim.Partition) sim.Source[input] {
		return sim.Source[input]{
			TopicPartition: eventlog.TopicPartition{Topic: topic, Partition: fleetPartition}, Partition: from,
			Prepare: func(r *events.Record) input { return preparer.Prepare(topic, fleetPartition, r) },
		}
	}
	newCounting := func() *counting { return &counting{State: placement.New(f.placement())} }
	now := f.clocks.of(name)
	cfg := eventlog.OwnerConfig[input]{
		Snapshots: &eventlog.SnapshotConfig{
			Log: f.partition(events.Snapshots(fleetTopics.Events()), fleetPartition).Open(p), Events: 20,
			Keeper: f.keeper(p, func() eventlog.Fold { return newCounting() }),
		},
		Log: f.log.Open(p), Topic: fleetTopics.Events(), Partition: fleetPartition,
		Inputs: &sim.Inputs[input]{Process: p, Now: now, Max: 10, Sources: []sim.Source[input]{
			source(fleetTopics.Reports(), f.reports), source(fleetTopics.Requests(), f.requests),
		}},
		Outbox:   &sim.Outbox{Producer: &sim.Producer{Process: p}, Partition: f.partition},
		NewCore:  func() eventlog.Core[input] { return newCounting() },
		Encoder:  events.Encoder{Source: name},
		Instance: name,
		Now:      now, Random: p.World.Random,
	}
	if f.mutant != nil {
		f.mutant(&cfg, p)
	}
	cfg.Hooks.Observe = func(c eventlog.Core[input]) {
		if core, ok := c.(*counting); ok && core.events != core.seen {
			core.seen = core.events
			f.seen = append(f.seen, figures{name, core.events, core.State.Hash()})
		}
	}
	cfg.Hooks.Lost = func(err error) { f.complain("%s: %v", name, err) }
	return cfg
}

// run is the whole story: chaos, then a time of peace with one scheduler.
func (f *fleet) Run() {
	w := f.world
	for i := range fleetSchedulers {
		name := fmt.Sprintf("scheduler-%d", i)
		n := w.NewNode(name, f.schedule(name))
		n.Misfortune(fleetChaos, 2*time.Second)
		f.schedulers = append(f.schedulers, n)
	}
	for i := range fleetEngines {
		e := &engine{fleet: f, number: i, spec: newSpec(i)}
		n := w.NewNode(e.spec.Id, e.live)
		e.node = n
		n.Misfortune(fleetChaos, 3*time.Second)
		f.engines, f.nodes = append(f.engines, e), append(f.nodes, n)
	}
	client := w.NewNode("client", f.submit)
	w.Run(fleetChaos)
	w.Chances = sim.Chances{}
	for _, n := range f.schedulers[1:] {
		n.Stop()
	}
	f.schedulers[0].Restart()
	for _, n := range f.nodes {
		n.Restart()
	}
	w.Run(fleetQuiet)
	// The last tasks may stand in line for the one engine that can take them,
	// behind handlers that heed no end.
	for range 4 {
		if f.judged().Open > 0 {
			w.Run(fleetQuiet)
		}
	}
	for _, n := range append(append(f.nodes, f.schedulers[0]), client) {
		n.Stop()
	}
	for _, job := range f.jobs {
		job.Crash()
	}
}
