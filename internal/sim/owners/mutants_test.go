package owners

import (
	"context"
	"errors"
	"testing"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Each mutant breaks one rule of the owner by lying to it at a port, so that
// nothing of it is in the product. A mutant that survives 1,000 seeds means that
// the simulation would not notice if somebody broke the rule.
var ownerMutants = []struct {
	name string
	sim.Mutant[struct{}]
}{
	{"acts before the batch counts", sim.Hasty[struct{}]},
	{"ignores the history", sim.NoHistory[struct{}]},
	{"knows its claim by the epoch alone", func(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) {
		cfg.Random = func() [16]byte { return [16]byte{1} }
	}},
	{"expects no offset", func(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) {
		cfg.Log = &noOffset{cfg.Log.(*sim.Handle)}
	}},
	{"gives up without claiming anew", func(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) {
		cfg.Log = &careless{cfg.Log.(*sim.Handle)}
	}},
	{"does not publish what its predecessor did not", func(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) {
		m := &noPast{Inputs: cfg.Inputs, Outbox: cfg.Outbox}
		cfg.Inputs, cfg.Outbox = m, m
	}},
	{"takes for published what is only queued", func(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) {
		cfg.Outbox = &optimist{cfg.Outbox}
	}},
}

func TestSimOwnerMutantsDie(t *testing.T) {
	t.Parallel()
	for _, m := range ownerMutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			sim.Dies(t, func(seed uint64) sim.Story { return newOwners(seed, m.Mutant) })
		})
	}
	for i, m := range keepingMutants(nil) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			sim.Dies(t, func(seed uint64) sim.Story {
				var o *owners
				o = newOwners(seed, keepingMutants(&o)[i].Mutant)
				return o
			})
		})
	}
	t.Run("does not tell receivers of a lost tail", func(t *testing.T) {
		t.Parallel()
		sim.Dies(t, func(seed uint64) sim.Story {
			return newLossy(seed, func(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) { cfg.Receivers = nil })
		})
	})
}

// TestSimForgedWitnessMutantDies: a build that takes what could not be for something that
// could. (Builds that believe one claim, or none, die in the stories of the scheduler's
// witnesses.)
func TestSimForgedWitnessMutantDies(t *testing.T) {
	t.Parallel()
	credulous := func(w *eventlog.WitnessError) error {
		if w.Epoch == forgedEpoch {
			return &eventlog.WitnessError{Epoch: 90, N: w.N, Witness: w.Witness}
		}
		return w
	}
	sim.Dies(t, func(seed uint64) sim.Story {
		return newLossy(seed, func(cfg *eventlog.OwnerConfig[struct{}], _ *sim.Process) {
			cfg.Inputs = &hearing{cfg.Inputs, credulous}
		})
	})
}

// hearing makes something of what witnesses say.
type hearing struct {
	eventlog.Inputs[struct{}]
	hear func(*eventlog.WitnessError) error
}

func (h *hearing) Next(ctx context.Context, wait eventlog.Wait) (eventlog.Arrivals[struct{}], error) {
	a, err := h.Inputs.Next(ctx, wait)
	var w *eventlog.WitnessError
	if errors.As(err, &w) {
		err = h.hear(w)
	}
	return a, err
}

// noOffset says of every batch that it landed where it was expected.
type noOffset struct{ *sim.Handle }

func (l *noOffset) Append(ctx context.Context, batch []events.Record) (int64, error) {
	base, err := l.Handle.Append(ctx, batch)
	if at, claim := sim.Expected(batch); !claim && err == nil {
		return at, nil
	}
	return base, err
}

// careless takes no acknowledgement for a good one.
type careless struct{ *sim.Handle }

func (l *careless) Append(ctx context.Context, batch []events.Record) (int64, error) {
	base, err := l.Handle.Append(ctx, batch)
	if at, claim := sim.Expected(batch); !claim && err != nil {
		return at, nil //nolint:nilerr // Just this is the mutation.
	}
	return base, err
}

// noPast drops what is sent before the first input was read.
type noPast struct {
	eventlog.Inputs[struct{}]
	eventlog.Outbox
	reading bool
}

func (m *noPast) Next(ctx context.Context, wait eventlog.Wait) (eventlog.Arrivals[struct{}], error) {
	m.reading = true
	return m.Inputs.Next(ctx, wait)
}

func (m *noPast) Reset() {
	m.reading = false
	m.Outbox.Reset()
}

func (m *noPast) Send(offset int64, topic string, partition int32, rec events.Record) {
	if m.reading {
		m.Outbox.Send(offset, topic, partition, rec)
	}
}

// optimist believes that everything has arrived.
type optimist struct{ eventlog.Outbox }

func (optimist) Through(limit int64) int64 { return limit }
