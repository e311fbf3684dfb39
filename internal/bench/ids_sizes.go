package bench

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/services/allocator/store"
)

// IDsSize is what grants cost in a space of so many live ranges. While they are measured
// each is released before its caller asks again, so that the number stays; what is released
// rests for an hour.
type IDsSize struct {
	Ranges          int     `json:"ranges"`
	FilledPerSecond float64 `json:"filled_per_second"`
	// PerSecond is how many were granted and released by all callers, P50 and P99 the
	// times of grants of one caller.
	PerSecond float64 `json:"granted_and_released_per_second"`
	P50       float64 `json:"single_p50_ms"`
	P99       float64 `json:"single_p99_ms"`
}

// fillers ask at the same time while a space is filled.
const fillers = 256

// size measures grants in a space of n live ranges.
func (r *idsRun) size(ctx context.Context, n int) (s IDsSize, err error) {
	s.Ranges = n
	return s, r.onSpace(ctx, fmt.Sprintf("%s-%d", r.cfg.Name, n), func(ctx context.Context, space string) error {
		all, err := r.fill(ctx, space, n, &s)
		if err != nil {
			return fmt.Errorf("fill it: %w", err)
		}
		one, err := r.grant(ctx, space, 1, &all, r.system.client.Release)
		if err != nil {
			return err
		}
		s.P50, s.P99 = quantiles([]loaded{one})
		many, err := r.grant(ctx, space, r.cfg.Callers, &all, r.system.client.Release)
		if err != nil {
			return err
		}
		s.PerSecond = many.perSecond()
		r.granted += len(all)
		return disjoint(all)
	})
}

// fill has n ranges granted.
func (r *idsRun) fill(ctx context.Context, space string, n int, s *IDsSize) ([]store.Range, error) {
	out := make([]store.Range, n)
	var taken atomic.Int64
	began := time.Now()
	group, ctx := errgroup.WithContext(ctx)
	for range min(fillers, n) {
		group.Go(func() error {
			for {
				i := int(taken.Add(1)) - 1
				if i >= n {
					return nil
				}
				g, err := r.system.client.Grant(ctx, ids.Want{Space: space, Count: int64(r.cfg.Count)})
				if err != nil {
					return err
				}
				out[i] = store.Range{From: g.From, To: g.To}
			}
		})
	}
	err := group.Wait()
	s.FilledPerSecond = float64(n) / time.Since(began).Seconds()
	return out, err
}
