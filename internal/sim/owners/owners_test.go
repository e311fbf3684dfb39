package owners

import (
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

const (
	ownersTopic  = "toy.events"
	ownersNodes  = 3
	ownersInputs = 60
	chaosTime    = 4 * time.Second
	quietTime    = 6 * time.Second
)

// owners is a world of nodes that all want to own one log, with the toy core.
type owners struct {
	world     *sim.World
	log       *sim.Partition
	inputs    *sim.Partition
	snapshots *sim.Partition
	published [toyParts]*sim.Partition
	jobs      []*sim.Process
	unaware   []*sim.Process // jobs that were under way when a snapshot was spoiled
	history   time.Duration
	every     int64
	nodes     []*sim.Node
	seen      []observation
	mutant    sim.Mutant[struct{}]
	lossy     bool
	produced  uint64
	two       two
	followers *followers
}

// observation is what an owner's core was when all of it was known to count.
type observation struct {
	node   string
	count  int
	digest uint64
}

func newOwners(seed uint64, m sim.Mutant[struct{}]) *owners {
	w := sim.NewWorld(seed)
	o := &owners{world: w, log: sim.NewPartition(), inputs: sim.NewPartition(), snapshots: sim.NewPartition(), mutant: m}
	for i := range o.published {
		o.published[i] = sim.NewPartition()
	}
	o.log.PageRecords = 1 + w.Rand.IntN(30)
	o.log.Forgetful = w.Chance(0.5)
	o.snapshots.Forgetful = w.Chance(0.5)
	o.history, o.every = w.Between(0, 100*time.Millisecond), 2+w.Rand.Int64N(12)
	w.Chances = sim.Chances{Drop: 0.03, Double: 0.03, Slow: 0.05, SlowMax: 2 * time.Second}
	for range ownersInputs {
		w.After(w.Between(0, chaosTime), o.produce)
	}
	o.followers = newFollowers(seed, w, o.log)
	return o
}

func (o *owners) Records() []events.Record { return o.log.Records() }

func (o *owners) produce() {
	o.produced++
	_, _ = o.inputs.Append(context.Background(), []events.Record{{Value: []byte{}}})
}

// own is a node's life: own the log, and when it is lost, try again.
func (o *owners) own(name string) func(p *sim.Process) {
	return func(p *sim.Process) {
		w := p.World
		for {
			_ = eventlog.NewOwner(o.config(name, p)).Run(context.Background())
			p.Sleep(w.Between(10*time.Millisecond, 800*time.Millisecond))
		}
	}
}

func (o *owners) config(name string, p *sim.Process) eventlog.OwnerConfig[struct{}] {
	cfg := eventlog.OwnerConfig[struct{}]{
		Log: o.log.Open(p), Topic: ownersTopic,
		Inputs: &witnessing{owners: o, Inputs: &sim.Inputs[struct{}]{Process: p, Max: 5, Sources: []sim.Source[struct{}]{{
			TopicPartition: eventlog.TopicPartition{Topic: "in"}, Partition: o.inputs,
			Prepare: func(*events.Record) struct{} { return struct{}{} },
		}}}},
		Outbox: &sim.Outbox{Producer: &sim.Producer{Process: p}, Partition: func(_ string, partition int32) *sim.Partition {
			return o.published[partition]
		}},
		NewCore: newToy,
		// The source names the node, so that the judge of the run sees who wrote what.
		Encoder:  events.Encoder{Source: name},
		Instance: name,
		Now:      p.World.Now, Random: p.World.Random,
		Hooks: eventlog.Hooks[struct{}]{Observe: func(c eventlog.Core[struct{}]) {
			core, _ := c.(*toy)
			o.seen = append(o.seen, observation{name, core.count, core.digest})
		}},
	}
	cfg.TailEvery = 30 * time.Millisecond
	cfg.Snapshots = &eventlog.SnapshotConfig{Log: o.snapshots.Open(p), Events: o.every, Interval: 300 * time.Millisecond, Keeper: o.keeper(p)}
	for i := range o.published {
		cfg.Receivers = append(cfg.Receivers, eventlog.TopicPartition{Topic: "published", Partition: int32(i)})
	}
	if o.mutant != nil {
		o.mutant(&cfg, p)
	}
	return cfg
}

// run is the whole story: a time of chaos, then one node alone in peace.
func (o *owners) Run() {
	w := o.world
	o.follow()
	for i := range ownersNodes {
		name := fmt.Sprintf("node-%d", i)
		n := w.NewNode(name, o.own(name))
		n.Misfortune(chaosTime, time.Second)
		o.nodes = append(o.nodes, n)
	}
	w.Run(chaosTime)
	w.Chances = sim.Chances{}
	for _, n := range o.nodes[1:] {
		n.Stop()
	}
	o.nodes[0].Restart()
	w.Run(quietTime)
	o.stop()
}

// stop ends everything, so that nothing is left of the run.
func (o *owners) stop() {
	o.nodes[0].Stop()
	for _, p := range o.jobs {
		p.Crash()
	}
	o.followers.stop()
}

// follow begins to follow the log.
func (o *owners) follow() {
	for i := range 2 {
		o.followers.add(fmt.Sprintf("follower-%d", i), o.snapshots)
	}
	o.followers.add("looker", nil)
}
