package kafka

import (
	"context"
	"errors"
	"runtime"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// queued is a record on its way.
type queued struct {
	record events.Record
	size   int
	done   func(offset int64, err error)
}

// worker is the one goroutine that appends to one partition.
type worker struct {
	producer *Producer
	log      *Partition
	wake     chan struct{}

	queue   []queued        // guarded by producer.mu
	sent    int             // records, ever; guarded by producer.mu
	settled int             // of them acknowledged or failed; guarded by producer.mu
	spare   []queued        // the queue's other half
	records []events.Record // of the batch under way
}

func (w *worker) run() {
	for {
		for batch := w.take(); len(batch) > 0; {
			n := w.fit(batch)
			w.append(batch[:n])
			batch = batch[n:]
		}
		select {
		case <-w.wake:
		case <-w.producer.ctx.Done():
			if batch := w.take(); len(batch) > 0 {
				w.append(batch) // fails all, the context having ended
			}
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

// append sends records as one batch and tells each what became of it. A batch
// that is refused is halved until the record at fault stands alone.
func (w *worker) append(batch []queued) {
	w.records = w.records[:0]
	bytes := 0
	for i := range batch {
		w.records = append(w.records, batch[i].record)
		bytes += batch[i].size
	}
	base, err := w.log.Append(w.producer.ctx, w.records)
	var refused *Refused
	var trouble complaint
	for err != nil && w.producer.options.Forever && !errors.As(err, &refused) && w.producer.ctx.Err() == nil {
		if level, due := trouble.due(err); due {
			w.producer.client.config.Logger.Log(w.producer.ctx, level, "cannot append what waits, trying on",
				"topic", w.log.topic, "partition", w.log.id, "records", len(batch), "error", err)
		}
		pause(w.producer.ctx)
		base, err = w.log.Append(w.producer.ctx, w.records)
	}
	clear(w.records)
	if errors.As(err, &refused) && len(batch) > 1 {
		half := len(batch) / 2
		w.append(batch[:half])
		w.append(batch[half:])
		return
	}
	for i := range batch {
		if batch[i].done == nil {
			continue
		}
		if err != nil {
			batch[i].done(0, err)
		} else {
			batch[i].done(base+int64(i), nil)
		}
	}
	w.producer.settle(w, len(batch), bytes)
}

// pause keeps an answer that comes at once, such as a missing permission, from
// being asked for again and again.
func pause(ctx context.Context) {
	t := time.NewTimer(time.Second)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
