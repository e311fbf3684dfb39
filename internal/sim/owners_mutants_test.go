package sim

import (
	"bytes"
	"context"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Each mutant breaks one rule of the owner by lying to it at a port, so that
// nothing of it is in the product. A mutant that survives 1,000 seeds means that
// the simulation would not notice if somebody broke the rule.
var ownerMutants = []struct {
	name string
	mutant
}{
	{"acts before the batch counts", func(cfg *eventlog.OwnerConfig, p *Process) {
		cfg.Log = &hasty{cfg.Log.(*Handle)}
	}},
	{"ignores the history", func(cfg *eventlog.OwnerConfig, _ *Process) {
		cfg.Log = &noHistory{cfg.Log.(*Handle)}
	}},
	{"knows its claim by the epoch alone", func(cfg *eventlog.OwnerConfig, _ *Process) {
		cfg.Random = func() [16]byte { return [16]byte{1} }
	}},
	{"expects no offset", func(cfg *eventlog.OwnerConfig, _ *Process) {
		cfg.Log = &noOffset{cfg.Log.(*Handle)}
	}},
	{"gives up without claiming anew", func(cfg *eventlog.OwnerConfig, _ *Process) {
		cfg.Log = &careless{cfg.Log.(*Handle)}
	}},
	{"does not publish what its predecessor did not", func(cfg *eventlog.OwnerConfig, _ *Process) {
		m := &noPast{Inputs: cfg.Inputs, Outbox: cfg.Outbox}
		cfg.Inputs, cfg.Outbox = m, m
	}},
	{"takes for published what is only queued", func(cfg *eventlog.OwnerConfig, _ *Process) {
		cfg.Outbox = &optimist{cfg.Outbox}
	}},
}

func TestSimOwnerMutantsDie(t *testing.T) {
	t.Parallel()
	for _, m := range ownerMutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			dies(t, func(seed uint64) story { return newOwners(seed, m.mutant) })
		})
	}
	for i, m := range keepingMutants(nil) {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			dies(t, func(seed uint64) story {
				var o *owners
				o = newOwners(seed, keepingMutants(&o)[i].mutant)
				return o
			})
		})
	}
	t.Run("does not tell receivers of a lost tail", func(t *testing.T) {
		t.Parallel()
		dies(t, func(seed uint64) story {
			return newLossy(seed, func(cfg *eventlog.OwnerConfig, _ *Process) { cfg.Receivers = nil })
		})
	})
}

// dies runs a mutant's stories until one ends wrong.
func dies(t *testing.T, begin func(seed uint64) story) {
	t.Helper()
	for seed := uint64(1); seed <= 1000; seed++ {
		o := begin(seed)
		o.run()
		if err := o.check(); err != nil {
			t.Logf("dies of seed %d: %v", seed, err)
			return
		}
	}
	t.Error("survived 1,000 seeds")
}

// expected is where the writer of a batch expects it to land.
func expected(batch []events.Record) (at int64, claim bool) {
	value, _ := batch[0].Header(events.HeaderLog)
	h, _ := eventlog.ParseHeader(value)
	return h.At, events.TypeOfRecord(&batch[0]) == events.TypeLogClaimed
}

// hasty says that a batch landed as soon as it is sent.
type hasty struct{ *Handle }

func (l *hasty) Append(ctx context.Context, batch []events.Record) (int64, error) {
	at, claim := expected(batch)
	if claim {
		return l.Handle.Append(ctx, batch)
	}
	d := &delivery{batch: copied(batch), wake: func() {}}
	l.Process.World.Send(func() { l.arrive(d) })
	return at, nil
}

// noOffset says of every batch that it landed where it was expected.
type noOffset struct{ *Handle }

func (l *noOffset) Append(ctx context.Context, batch []events.Record) (int64, error) {
	base, err := l.Handle.Append(ctx, batch)
	if at, claim := expected(batch); !claim && err == nil {
		return at, nil
	}
	return base, err
}

// careless takes no acknowledgement for a good one.
type careless struct{ *Handle }

func (l *careless) Append(ctx context.Context, batch []events.Record) (int64, error) {
	base, err := l.Handle.Append(ctx, batch)
	if at, claim := expected(batch); !claim && err != nil {
		return at, nil //nolint:nilerr // Just this is the mutation.
	}
	return base, err
}

// noHistory shows a log in which every batch of the current epoch was decided
// on the history that it landed on.
type noHistory struct{ *Handle }

func (l *noHistory) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	page, err := l.Handle.Fetch(ctx, from, wait)
	if err != nil || len(page.Records) == 0 {
		return page, err
	}
	var history uint64
	var epoch uint32
	all := copied(l.Records()) // Offsets are the same, for none is left out.
	for i := range all {
		r := &all[i]
		value, ok := r.Header(events.HeaderLog)
		h, err := eventlog.ParseHeader(value)
		switch _, claim := expected(all[i:]); {
		case !ok || err != nil:
		case claim && h.Epoch == epoch+1:
			epoch, history = h.Epoch, eventlog.Hash(history, all[i:i+1])
		case !claim && h.Epoch == epoch:
			h.Prev, history = history, h.Hash
			for j := range r.Headers {
				if r.Headers[j].Key == events.HeaderLog && bytes.Equal(r.Headers[j].Value, value) {
					r.Headers[j].Value = h.Append(nil)
				}
			}
		}
	}
	for i := range page.Records {
		page.Records[i] = all[page.Records[i].Offset]
	}
	return page, nil
}

// noPast drops what is sent before the first input was read.
type noPast struct {
	eventlog.Inputs
	eventlog.Outbox
	reading bool
}

func (m *noPast) Next(ctx context.Context, wait time.Duration) (eventlog.Arrivals, error) {
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
