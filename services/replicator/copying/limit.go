package copying

import (
	"context"

	"golang.org/x/time/rate"

	"github.com/spanway/spanway/pkg/events"
)

// Limiter bounds what the copies of one link append in a second, all together. It is safe
// for concurrent use; nil limits nothing.
type Limiter struct {
	bytes, records *rate.Limiter
	turn           chan struct{} // holds one while a batch waits
}

// NewLimiter makes a limiter; 0 is no limit.
func NewLimiter(bytesPerSecond, recordsPerSecond int64) *Limiter {
	l := &Limiter{bytes: rate.NewLimiter(rate.Inf, 0), records: rate.NewLimiter(rate.Inf, 0), turn: make(chan struct{}, 1)}
	l.Set(bytesPerSecond, recordsPerSecond)
	return l
}

// Set changes the limits, also for what waits: it takes effect within a second.
func (l *Limiter) Set(bytesPerSecond, recordsPerSecond int64) {
	set(l.bytes, bytesPerSecond)
	set(l.records, recordsPerSecond)
}

func set(r *rate.Limiter, perSecond int64) {
	if perSecond <= 0 {
		r.SetLimit(rate.Inf)
		return
	}
	r.SetBurst(int(perSecond)) // So that no wait is longer than a second.
	r.SetLimit(rate.Limit(perSecond))
}

// wait waits until a batch may be appended, or ctx ends.
func (l *Limiter) wait(ctx context.Context, batch []events.Record) error {
	if l == nil || l.records.Limit() == rate.Inf && l.bytes.Limit() == rate.Inf {
		return nil
	}
	select {
	case l.turn <- struct{}{}: // One at a time, so that waits do not add up.
		defer func() { <-l.turn }()
	case <-ctx.Done():
		return ctx.Err()
	}
	if err := take(ctx, l.records, len(batch)); err != nil {
		return err
	}
	return take(ctx, l.bytes, size(batch))
}

// take takes n, which may be more than a burst.
func take(ctx context.Context, of *rate.Limiter, n int) error {
	for n > 0 && of.Limit() != rate.Inf {
		some := min(n, max(of.Burst(), 1))
		err := of.WaitN(ctx, some)
		if _, bounded := ctx.Deadline(); err != nil && (bounded || ctx.Err() != nil) {
			return err
		}
		if err == nil {
			n -= some
		} // Otherwise the limit became lower meanwhile.
	}
	return nil
}

// size is the size of a batch in bytes, uncompressed.
func size(batch []events.Record) (n int) {
	for i := range batch {
		n += batch[i].Size()
	}
	return n
}
