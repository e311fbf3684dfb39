package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// flight is a batch that is being sent. Each of its records may have a caller of its
// own, whose context and time bound hold for it: a caller that gives up is told at once,
// and when all have, the batch is not sent again.
type flight struct {
	log    *Partition
	ctx    context.Context // ends with the last of the callers'
	cancel context.CancelFunc
	stops  []func() bool

	mu      sync.Mutex
	batch   []queued
	waiting int // records of which nothing was told
	landed  bool
}

// depart begins a flight; arrive ends it.
func (w *worker) depart(batch []queued) *flight {
	f := &flight{log: w.log, batch: batch}
	f.ctx, f.cancel = context.WithCancel(w.producer.ctx)
	f.mu.Lock() // Callers give up at any moment.
	defer f.mu.Unlock()
	var last <-chan struct{}
	for i := range batch {
		q := &batch[i]
		if q.told { // As part of a larger batch, which was refused.
			continue
		}
		f.waiting++
		done := q.ctx.Done() // Contexts that end together have it in common.
		if done == nil || done == last {
			continue
		}
		last = done
		of := q.ctx
		f.stops = append(f.stops, context.AfterFunc(of, func() {
			f.release(of.Err(), func(q *queued) bool { return q.ctx.Done() == done })
		}))
	}
	if f.waiting == 0 {
		f.cancel()
	}
	if until := batch[0].until; !until.IsZero() {
		f.stops = append(f.stops, time.AfterFunc(time.Until(until), f.expire).Stop)
	}
	return f
}

// expire releases the records whose time is up. Those behind them have theirs.
func (f *flight) expire() {
	now := time.Now()
	f.release(context.DeadlineExceeded, func(q *queued) bool { return !now.Before(q.until) })
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range f.batch {
		if q := &f.batch[i]; !f.landed && !q.told {
			f.stops = append(f.stops, time.AfterFunc(max(time.Until(q.until), time.Millisecond), f.expire).Stop)
			return
		}
	}
}

// release tells the records that match that their outcome is not known.
func (f *flight) release(why error, match func(*queued) bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.landed {
		return
	}
	err := fmt.Errorf("append to %s/%d: what became of it is not known: %w", f.log.topic, f.log.id, why)
	if last := f.log.trouble(); last != nil {
		err = fmt.Errorf("%w (last answer: %w)", err, last)
	}
	for i := range f.batch {
		if q := &f.batch[i]; !q.told && match(q) {
			q.tell(0, err)
			f.waiting--
		}
	}
	if f.waiting == 0 {
		f.cancel()
	}
}

// arrive ends the flight: from now on only the worker tells what became of its records.
func (f *flight) arrive() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.landed = true
	for _, stop := range f.stops {
		stop()
	}
	f.cancel()
}
