package kafka

import (
	"context"
	"fmt"
	"sync"
	"time"
)

// flight is a batch that is being sent. Each of its records may have a caller of its
// own, whose context and time bound hold for it: a caller that gives up is told within
// watchAfter, and when all have, the batch is not sent again.
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

// watchAfter is how long a batch is under way before it is noticed that callers give up.
// Most land sooner: for those no context is watched, which would cost each of their
// records more than all else that is done for it here.
const watchAfter = 5 * time.Millisecond

// depart begins a flight; arrive ends it.
func (w *worker) depart(batch []queued) *flight {
	f := &flight{log: w.log, batch: batch}
	f.ctx, f.cancel = context.WithCancel(w.producer.ctx)
	f.mu.Lock() // The timers may be quick.
	defer f.mu.Unlock()
	for i := range batch {
		if !batch[i].told { // As part of a larger batch, which was refused.
			f.waiting++
		}
	}
	if f.waiting == 0 {
		f.cancel()
	}
	f.stops = append(f.stops, time.AfterFunc(watchAfter, f.watch).Stop)
	if until := batch[0].until; !until.IsZero() {
		f.stops = append(f.stops, time.AfterFunc(time.Until(until), f.expire).Stop)
	}
	return f
}

// watch has callers that give up released: those that have, too.
func (f *flight) watch() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.landed {
		return
	}
	var last <-chan struct{}
	for i := range f.batch {
		q := &f.batch[i]
		if q.told {
			continue
		}
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
