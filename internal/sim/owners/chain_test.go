package owners

import (
	"context"
	"fmt"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// chain is a world in which the log of the owners is the input of other nodes, which own
// a second log.
type chain struct {
	*owners
	second *sim.Partition
	mutant sim.Mutant[struct{}]
	nodes  []*sim.Node
}

const (
	secondTopic = "toy.second"
	secondNodes = 2
)

func newChain(seed uint64, m sim.Mutant[struct{}]) *chain {
	c := &chain{owners: newOwners(seed, nil), second: sim.NewPartition(), mutant: m}
	c.history = time.Hour // What is deleted before it was read is lost.
	c.second.PageRecords = 1 + c.world.Rand.IntN(30)
	c.second.Forgetful = c.world.Chance(0.5)
	return c
}

func (c *chain) config(name string, p *sim.Process) eventlog.OwnerConfig[struct{}] {
	cfg := eventlog.OwnerConfig[struct{}]{
		Log: c.second.Open(p), Topic: secondTopic, NewCore: func() eventlog.Core[struct{}] { return &echo{} },
		Inputs: &sim.Inputs[struct{}]{Process: p, Max: 5, Sources: []sim.Source[struct{}]{{
			TopicPartition: eventlog.TopicPartition{Topic: ownersTopic}, Partition: c.log, Judged: true,
			Prepare: func(*events.Record) struct{} { return struct{}{} },
		}}},
		Outbox:  &sim.Outbox{Producer: &sim.Producer{Process: p}},
		Encoder: events.Encoder{Source: name}, Instance: name,
		Now: p.World.Now, Random: p.World.Random, TailEvery: 30 * time.Millisecond,
	}
	if c.mutant != nil {
		c.mutant(&cfg, p)
	}
	return cfg
}

func (c *chain) Run() {
	for i := range secondNodes {
		name := fmt.Sprintf("second-%d", i)
		n := c.world.NewNode(name, func(p *sim.Process) {
			for {
				_ = eventlog.NewOwner(c.config(name, p)).Run(context.Background())
				p.Sleep(p.World.Between(10*time.Millisecond, 800*time.Millisecond))
			}
		})
		n.Misfortune(chaosTime, time.Second)
		c.nodes = append(c.nodes, n)
	}
	c.world.After(chaosTime, func() {
		c.nodes[1].Stop()
		c.nodes[0].Restart()
	})
	c.owners.Run()
	c.nodes[0].Stop()
}

// Check: each event that counts in the first log took effect in the second one, once
// and in order, and nothing else did.
func (c *chain) Check() error {
	if err := c.owners.Check(); err != nil {
		return err
	}
	first, err := sim.Judge(c.log.Whole(), 0)
	if err != nil {
		return err
	}
	second, err := sim.Judge(c.second.Whole(), 0)
	if err != nil {
		return err
	}
	n := 0
	for _, l := range second {
		m, ok := l.Message.(*events.TaskProgressed)
		if !ok {
			continue
		}
		if n == len(first) || m.Token != uint64(first[n].Offset) {
			return fmt.Errorf("second log, offset %d: the event at %d took effect; %d have before, of %d", l.Offset, m.Token, n, len(first))
		}
		n++
	}
	if left := len(first) - n; left > 0 {
		return fmt.Errorf("%d events of the first log never took effect in the second one", left)
	}
	return nil
}

// echo is a core that tells of each input.
type echo struct{ toy }

func (c *echo) Apply(events.Logged) {}

func (c *echo) Decide(in events.Input[struct{}], now events.Clock, emit func(proto.Message)) {
	emit(&events.TaskProgressed{Token: uint64(in.Offset), AtMs: now.Now})
}

func (c *echo) Publish(events.Logged, func(events.Outgoing)) {}

// An owned log is an input like any other, whatever happens to the owners of both.
func TestSimChain(t *testing.T) {
	t.Parallel()
	sim.Seeds(t, sim.Many(200, 20), func(seed uint64) sim.Story { return newChain(seed, nil) })
}

// What is handed on although it does not count takes effect.
func TestSimChainMutantDies(t *testing.T) {
	t.Parallel()
	sim.Dies(t, func(seed uint64) sim.Story {
		return newChain(seed, func(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) {
			cfg.Inputs.(*sim.Inputs[struct{}]).Sources[0].Judged = false
		})
	})
}
