package fleet

import (
	"fmt"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// fleetMutant is a build of which one law was taken out. The verifier must
// notice, which sees nothing but the log that it leaves.
type fleetMutant struct {
	name string
	sim.Mutant[input]
	// rule and text of the finding that must be among the verifier's.
	rule, text string
}

var fleetMutants = []fleetMutant{
	{"acts before the batch counts", eager, "G6", "never given to this engine"},
	{"takes a batch that was sent for one that counts", sim.Hasty[input], "G6", "was decided on history"},
	{"ignores the attempt", fenceless, "G2", "a result under token"},
	{"ignores the history", sim.NoHistory[input], "G6", "the batch says its hash is"},
}

func TestSimFleetMutantsDie(t *testing.T) {
	t.Parallel()
	for _, m := range append(fleetMutants, blindMutants...) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= 1000; seed++ {
				f := newFleet(seed, m.Mutant)
				f.Run()
				for _, v := range f.judged().Findings {
					if v.Rule == m.rule && strings.Contains(v.Text, m.text) {
						t.Logf("the verifier finds it in the log of seed %d: %+v", seed, v)
						return
					}
				}
			}
			t.Errorf("in the logs of 1,000 seeds the verifier found no %s with %q", m.rule, m.text)
		})
	}
}

// eager makes an owner publish what it decides at once, whatever becomes of the
// batch. Its log is that of a sound build; only what engines do betrays it.
func eager(cfg *eventlog.OwnerConfig[input], _ *sim.Process) {
	newCore, outbox, encoder := cfg.NewCore, cfg.Outbox, cfg.Encoder
	prefix := fmt.Sprintf("%s/%d", cfg.Topic, cfg.Partition)
	cfg.Snapshots = nil
	cfg.NewCore = func() eventlog.Core[input] {
		return &hurry{Core: newCore(), outbox: outbox, encoder: encoder, prefix: prefix}
	}
}

type hurry struct {
	eventlog.Core[input]
	outbox   eventlog.Outbox
	encoder  events.Encoder
	prefix   string
	deciding bool
}

func (c *hurry) Decide(in events.Input[input], now events.Clock, emit func(proto.Message)) {
	c.deciding = true
	c.Core.Decide(in, now, emit)
	c.deciding = false
}

func (c *hurry) Advance(now events.Clock, emit func(proto.Message)) bool {
	c.deciding = true
	defer func() { c.deciding = false }()
	return c.Core.Advance(now, emit)
}

func (c *hurry) Apply(l events.Logged) {
	c.Core.Apply(l)
	if !c.deciding {
		return
	}
	c.Core.Publish(l, func(out events.Outgoing) { c.send(l, out) })
}

func (c *hurry) send(l events.Logged, out events.Outgoing) {
	if out.Raw != nil {
		return
	}
	id := fmt.Sprintf("%s/%d/%d", c.prefix, l.Epoch, l.N)
	record, err := c.encoder.Encode(id, out.Message, events.Header{Key: events.HeaderFrom, Value: []byte(id)})
	if err != nil {
		panic(err) // A mistake in this file.
	}
	record.Key = out.Key
	c.outbox.Send(l.Offset, out.Topic, out.Partition, record)
}

// fenceless makes an owner take the result of any attempt of a task for the
// result of the task.
func fenceless(cfg *eventlog.OwnerConfig[input], _ *sim.Process) {
	newCore := cfg.NewCore
	cfg.Snapshots = nil // They would not hold the tokens.
	cfg.NewCore = func() eventlog.Core[input] { return &noFence{Core: newCore(), tokens: map[string]uint64{}} }
}

// noFence is a core without the comparison of tokens, when it decides and when
// it folds.
type noFence struct {
	eventlog.Core[input]
	tokens map[string]uint64 // of the newest attempts of tasks that have not ended
}

func (c *noFence) Apply(l events.Logged) {
	switch m := l.Message.(type) {
	case *events.TaskAssigned:
		c.tokens[m.TaskId] = m.Token
	case *events.TaskSucceeded:
		m = proto.CloneOf(m)
		m.Token, l.Message = c.tokens[m.TaskId], m
		delete(c.tokens, m.TaskId)
	case *events.TaskFailed:
		delete(c.tokens, m.TaskId)
	case *events.TaskCancelled:
		delete(c.tokens, m.TaskId)
	case *events.TaskDeadLettered:
		delete(c.tokens, m.TaskId)
	}
	c.Core.Apply(l)
}

func (c *noFence) Decide(in events.Input[input], now events.Clock, emit func(proto.Message)) {
	c.Core.Decide(in, now, func(m proto.Message) {
		stale, ok := m.(*events.TaskStaleResultRejected)
		if !ok || stale.Outcome != "succeeded" || c.tokens[stale.TaskId] == 0 {
			emit(m)
			return
		}
		emit(&events.TaskSucceeded{
			TaskId: stale.TaskId, Pool: stale.Pool, EngineId: stale.EngineId, Attempt: stale.Attempt, Token: stale.Token,
			Result: fmt.Append(nil, stale.Token), AtMs: stale.AtMs,
		})
	})
}
