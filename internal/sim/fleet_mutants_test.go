package sim

import (
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// fleetMutants break a rule of the whole system; the verifier, which sees
// nothing but the log, and the handlers must notice.
var fleetMutants = []struct {
	name string
	mutant
}{
	{"acts before the batch counts", func(cfg *eventlog.OwnerConfig, _ *Process) {
		cfg.Log = &hasty{cfg.Log.(*Handle)}
	}},
	{"ignores the attempt", fenceless},
	{"ignores the history", func(cfg *eventlog.OwnerConfig, _ *Process) {
		cfg.Log = &noHistory{cfg.Log.(*Handle)}
	}},
}

func TestSimFleetMutantsDie(t *testing.T) {
	t.Parallel()
	for _, m := range fleetMutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			for seed := uint64(1); seed <= 1000; seed++ {
				f := newFleet(seed, m.mutant)
				f.run()
				if err := f.check(); err != nil {
					t.Logf("dies of seed %d: %v", seed, err)
					return
				}
			}
			t.Error("survived 1,000 seeds")
		})
	}
}

// raw is a report that is prepared only when it is decided on.
type raw struct {
	record  events.Record
	prepare func(*events.Record) any
}

// fenceless makes an owner take every result for one of the current attempt:
// it gives the report the token that the task has now.
func fenceless(cfg *eventlog.OwnerConfig, _ *Process) {
	inputs, newCore := cfg.Inputs.(*Inputs), cfg.NewCore
	for i := range inputs.Sources {
		s := &inputs.Sources[i]
		prepare := s.Prepare
		s.Prepare = func(r *events.Record) any { return &raw{*r, prepare} }
	}
	cfg.NewCore = func() eventlog.Core { return &noFence{Core: newCore(), tokens: map[string]uint64{}} }
}

type noFence struct {
	eventlog.Core
	tokens map[string]uint64
}

func (c *noFence) Apply(l events.Logged) {
	if m, ok := l.Message.(*events.TaskAssigned); ok {
		c.tokens[m.TaskId] = m.Token
	}
	c.Core.Apply(l)
}

func (c *noFence) Decide(in events.Input, now events.Clock, emit func(proto.Message)) {
	r, _ := in.Prepared.(*raw)
	_, m, _ := events.Decode(&r.record)
	if m, ok := m.(*events.AttemptFinished); ok && c.tokens[m.TaskId] != 0 {
		m.Token = c.tokens[m.TaskId]
		r.record.Value, _ = proto.Marshal(m)
	}
	in.Prepared = r.prepare(&r.record)
	c.Core.Decide(in, now, emit)
}
