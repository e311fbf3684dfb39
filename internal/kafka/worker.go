package kafka

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
)

// queued is a record on its way, and what waits for it.
type queued struct {
	record events.Record
	size   int
	ctx    context.Context // of Send
	until  time.Time       // zero: for as long as it takes
	done   func(offset int64, err error)
	told   bool // done was called
}

// over says why nothing waits for the record any more; nil if something does.
func (q *queued) over(now time.Time) error {
	if err := q.ctx.Err(); err != nil {
		return err
	}
	if !q.until.IsZero() && !now.Before(q.until) {
		return context.DeadlineExceeded
	}
	return nil
}

// tell says what became of the record, once.
func (q *queued) tell(offset int64, err error) {
	if q.told {
		return
	}
	q.told = true
	if q.done != nil {
		q.done(offset, err)
	}
}

// worker is the one goroutine that appends to one partition.
type worker struct {
	producer *Producer
	log      *Partition
	wake     chan struct{}
	try      *trouble.Try // of what is tried forever

	queue   []queued        // guarded by producer.mu
	sent    int             // records, ever; guarded by producer.mu
	settled int             // of them acknowledged or failed; guarded by producer.mu
	spare   []queued        // the queue's other half
	records []events.Record // of the batch under way
}

func (w *worker) run() {
	defer w.try.End()
	for {
		for batch := w.take(); len(batch) > 0; {
			n := w.fit(batch)
			if current := w.current(batch[:n]); len(current) > 0 {
				w.append(current)
			}
			batch = batch[n:]
		}
		select {
		case <-w.wake:
		case <-w.producer.ctx.Done():
			w.current(w.take()) // fails all, the context having ended
			return
		}
	}
}

// take empties the queue.
func (w *worker) take() []queued {
	if w.producer.options.Gather {
		runtime.Gosched()
	}
	w.producer.mu.Lock()
	defer w.producer.mu.Unlock()
	clear(w.spare) // let go of records and callbacks
	out := w.queue
	w.queue, w.spare = w.spare[:0], out
	return out
}

// fit is how many of the records make one batch.
func (w *worker) fit(batch []queued) int {
	bytes := 0
	for i := range batch {
		if bytes += batch[i].size; bytes > w.producer.options.BatchBytes && i > 0 {
			return i
		}
	}
	return len(batch)
}

// current are the records that something still waits for; the others were never sent.
func (w *worker) current(batch []queued) []queued {
	now, kept, bytes := time.Now(), batch[:0], 0
	for i := range batch {
		q := &batch[i]
		err := q.over(now)
		if err == nil && w.producer.ctx.Err() != nil {
			err = errProducerClosed
		}
		if err == nil {
			kept = append(kept, *q)
			continue
		}
		bytes += q.size
		if last := w.log.trouble(); last != nil {
			err = fmt.Errorf("%w (last answer: %w)", err, last)
		}
		q.tell(0, &Unsent{Topic: w.log.topic, Partition: w.log.id, Err: err})
	}
	if dropped := len(batch) - len(kept); dropped > 0 {
		w.producer.settle(w, dropped, bytes)
	}
	return kept
}

// append sends records as one batch and tells each what became of it. A batch
// that is refused is halved until the record at fault stands alone.
func (w *worker) append(batch []queued) {
	w.records = w.records[:0]
	bytes := 0
	for i := range batch {
		w.records = append(w.records, batch[i].record)
		bytes += batch[i].size
	}
	f := w.depart(batch)
	base, err := w.log.Append(f.ctx, w.records)
	var refused *Refused
	for err != nil && w.producer.options.Forever && !errors.As(err, &refused) && f.ctx.Err() == nil {
		w.try.Again(f.ctx, err, foreverPause)
		base, err = w.log.Append(f.ctx, w.records)
	}
	if err == nil {
		w.try.Passed()
	}
	f.arrive()
	clear(w.records)
	if errors.As(err, &refused) && len(batch) > 1 {
		half := len(batch) / 2
		w.append(batch[:half])
		w.append(batch[half:])
		return
	}
	for i := range batch {
		batch[i].tell(base+int64(i), err)
	}
	w.producer.settle(w, len(batch), bytes)
}

// foreverPause keeps an answer that comes at once, such as a missing permission, from
// being asked for again and again.
const foreverPause = time.Second
