package sim

import (
	"bytes"
	"context"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Mutant changes the ports of an owner, which are those of this package, to break
// one rule on purpose: so nothing of it is in the product.
type Mutant[I any] func(cfg *eventlog.OwnerConfig[I], p *Process)

// Hasty is told that a batch landed as soon as it is sent.
func Hasty[I any](cfg *eventlog.OwnerConfig[I], _ *Process) { cfg.Log = &hasty{cfg.Log.(*Handle)} }

// NoHistory is shown a log in which every batch of the current epoch was decided
// on the history that it landed on.
func NoHistory[I any](cfg *eventlog.OwnerConfig[I], _ *Process) {
	cfg.Log = &noHistory{cfg.Log.(*Handle)}
}

// Expected is where the writer of a batch expects it to land.
func Expected(batch []events.Record) (at int64, claim bool) {
	value, _ := batch[0].Header(events.HeaderLog)
	h, _ := eventlog.ParseHeader(value)
	return h.At, events.TypeOfRecord(&batch[0]) == events.TypeLogClaimed
}

type hasty struct{ *Handle }

func (l *hasty) Append(ctx context.Context, batch []events.Record) (int64, error) {
	at, claim := Expected(batch)
	if claim {
		return l.Handle.Append(ctx, batch)
	}
	d := &delivery{batch: Copied(batch), wake: func() {}}
	l.Process.World.Send(func() { l.arrive(d) })
	return at, nil
}

type noHistory struct{ *Handle }

func (l *noHistory) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	page, err := l.Handle.Fetch(ctx, from, wait)
	if err != nil || len(page.Records) == 0 {
		return page, err
	}
	var history uint64
	var epoch uint32
	all := Copied(l.Records()) // Offsets are the same, for none is left out.
	for i := range all {
		r := &all[i]
		value, ok := r.Header(events.HeaderLog)
		h, err := eventlog.ParseHeader(value)
		switch _, claim := Expected(all[i:]); {
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
