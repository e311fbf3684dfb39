package bench

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator/store"
)

// loaded is what callers got in a while.
type loaded struct {
	figures
	times []time.Duration // of each call
}

func (l loaded) perSecond() float64 { return float64(len(l.times)) / l.seconds }

// load has callers call for a while, each when its last call has returned.
func load(ctx context.Context, callers int, d time.Duration, call func(ctx context.Context, caller int) error) (loaded, error) {
	times := make([][]time.Duration, callers)
	before := settled()
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for i := range callers {
		group.Go(func() error {
			for {
				from := time.Now()
				if from.Sub(began) >= d {
					return nil
				}
				if err := call(ctx, i); err != nil {
					return err
				}
				times[i] = append(times[i], time.Since(from))
			}
		})
	}
	err := group.Wait()
	return loaded{figures{time.Since(began).Seconds(), measure().since(before)}, slices.Concat(times...)}, err
}

// comparedGrants are grants beside the plain loop and the bare wire, round by round. Of the
// wire only the number of times counts, with many callers.
type comparedGrants struct{ grants, watch, wire []loaded }

// rounds measures on a space, round by round, and compares all that was granted.
func (r *idsRun) rounds(ctx context.Context, space string) (err error) {
	r.wire, err = newIDsWire(ctx, r.system, r.cfg)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.wire.close(ctx)) }()
	var all []store.Range
	if err := r.round(ctx, space, &all); err != nil {
		return fmt.Errorf("warm up: %w", err)
	}
	r.many, r.single = comparedGrants{}, comparedGrants{}
	for i := range r.cfg.Rounds {
		if err := r.round(ctx, space, &all); err != nil {
			return fmt.Errorf("round %d of %d: %w", i+1, r.cfg.Rounds, err)
		}
	}
	r.granted += len(all)
	return disjoint(all)
}

// round measures the plain loop, grants and the wire, with one caller and with many.
func (r *idsRun) round(ctx context.Context, space string, all *[]store.Range) error {
	for _, into := range []*comparedGrants{&r.single, &r.many} {
		callers := 1
		if into == &r.many {
			callers = r.cfg.Callers
		}
		f, err := r.watch.run(ctx, callers)
		if err != nil {
			return fmt.Errorf("plain WATCH loop with %d callers: %w", callers, err)
		}
		into.watch = append(into.watch, f)
		r.cfg.Progress(1)
		if f, err = r.grant(ctx, space, callers, all, nil); err != nil {
			return fmt.Errorf("grants with %d callers: %w", callers, err)
		}
		into.grants = append(into.grants, f)
		r.cfg.Progress(1)
		if f, err = r.wire.run(ctx, space, callers, len(f.times)); err != nil {
			return fmt.Errorf("bare wire: %w", err)
		}
		into.wire = append(into.wire, f)
		r.cfg.Progress(1)
	}
	return nil
}

// grant has callers ask for ranges for a while, and adds them to all. What is done with a
// grant after that does not count to its time.
func (r *idsRun) grant(ctx context.Context, space string, callers int, all *[]store.Range, then func(context.Context, ids.Grant) error) (loaded, error) {
	granted := make([][]store.Range, callers)
	times := make([][]time.Duration, callers)
	f, err := load(ctx, callers, r.cfg.Duration, func(ctx context.Context, i int) error {
		began := time.Now()
		g, err := r.system.client.Grant(ctx, ids.Want{Space: space, Count: int64(r.cfg.Count)})
		if err != nil {
			return err
		}
		times[i] = append(times[i], time.Since(began))
		granted[i] = append(granted[i], store.Range{From: g.From, To: g.To})
		if then != nil {
			return then(ctx, g)
		}
		return nil
	})
	f.times = slices.Concat(times...)
	*all = append(*all, slices.Concat(granted...)...)
	return f, err
}

// disjoint is an error if an identifier is in two ranges. It sorts them.
func disjoint(ranges []store.Range) error {
	slices.SortFunc(ranges, func(a, b store.Range) int { return cmp.Compare(a.From, b.From) })
	for i := 1; i < len(ranges); i++ {
		if a, b := ranges[i-1], ranges[i]; b.From <= a.To {
			return fmt.Errorf("identifier %d was granted twice: in %v and in %v; keep the log and run spanway verify", b.From, a, b)
		}
	}
	return nil
}

// result are the medians of the rounds.
func (c *comparedGrants) result(callers int) Grants {
	out := Grants{Callers: callers}
	var ratio, wireRatio []float64
	for i, g := range c.grants {
		out.Rounds = append(out.Rounds, g.perSecond())
		out.RoundWatch = append(out.RoundWatch, c.watch[i].perSecond())
		out.RoundWire = append(out.RoundWire, c.wire[i].perSecond())
		ratio = append(ratio, g.perSecond()/c.watch[i].perSecond())
		wireRatio = append(wireRatio, g.perSecond()/c.wire[i].perSecond())
	}
	out.PerSecond, out.WatchPerSecond, out.WirePerSecond = median(out.Rounds), median(out.RoundWatch), median(out.RoundWire)
	out.WatchRatio, out.WireRatio = median(ratio), median(wireRatio)
	out.P50, out.P99 = quantiles(c.grants)
	out.WatchP50, out.WatchP99 = quantiles(c.watch)
	each := func(rounds []loaded, of func(usage) float64) float64 {
		var v []float64
		for _, l := range rounds {
			v = append(v, of(l.usage)/float64(len(l.times)))
		}
		return median(v)
	}
	cpu := func(u usage) float64 { return u.cpu.Seconds() * 1e6 }
	out.CPU, out.WatchCPU, out.WireCPU = each(c.grants, cpu), each(c.watch, cpu), each(c.wire, cpu)
	out.Allocations = each(c.grants, func(u usage) float64 { return float64(u.allocations) })
	out.AllocatedBytes = each(c.grants, func(u usage) float64 { return float64(u.bytes) })
	return out
}

// quantiles of the times of all rounds, in milliseconds.
func quantiles(rounds []loaded) (p50, p99 float64) {
	var all []time.Duration
	for _, l := range rounds {
		all = append(all, l.times...)
	}
	slices.Sort(all)
	return quantile(all, 0.50), quantile(all, 0.99)
}
