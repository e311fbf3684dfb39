package sharedlog

import (
	"cmp"
	"context"
	"fmt"
	"runtime"
	"slices"
	"time"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// flight is a batch that was acknowledged: its calls are to be in the fold when the fold
// has come beyond it.
type flight struct {
	calls []*call
	last  int64 // the offset of its last record
	at    time.Time
}

const (
	// appendPause is how long calls of unknown outcome wait before they are appended again.
	appendPause = 100 * time.Millisecond
	// landPatience is how long an acknowledged call may be missing at the end of the log
	// before it is appended again: a new leader shows less than it has for a while.
	landPatience = 5 * time.Second
)

// appendCalls appends what is queued, one batch after the other, until ctx ends.
func (h *Host) appendCalls(ctx context.Context) {
	try := h.cfg.Board.New(fmt.Sprintf("append calls to %s/%d", h.cfg.Topic, h.cfg.Partition))
	defer try.End()
	var records []events.Record
	for ctx.Err() == nil {
		// Of callers that were just answered, each makes its next call first: so these
		// stand in one batch, instead of one in this and the others in the next.
		runtime.Gosched()
		batch := h.nextBatch()
		if len(batch) == 0 {
			try.End() // What was tried was given up, or has its verdict.
			select {
			case <-h.queued:
			case <-ctx.Done():
			}
			continue
		}
		records = h.appendBatch(ctx, try, batch, records)
	}
}

// nextBatch takes calls off the queue, for one append.
func (h *Host) nextBatch() (batch []*call) {
	now := h.cfg.Now().UnixMilli()
	h.mu.Lock()
	defer h.mu.Unlock()
	n, size := 0, 0
	for ; n < len(h.queue); n++ {
		c := h.queue[n]
		if c.over.Load() { // It has its verdict, or was given up; then Resolve may queue it again.
			c.queued = false
			continue
		}
		if size += c.size; size > batchBytes && len(batch) > 0 {
			break
		}
		if !c.sent { // Later the bytes stay as they are.
			c.record.Timestamp = now
		}
		c.queued, c.sent = false, true
		batch = append(batch, c)
	}
	clear(h.queue[:n])
	if h.queue = h.queue[n:]; len(h.queue) == 0 {
		h.queue = nil
	}
	return batch
}

// appendBatch appends calls as one batch. Of a batch that is refused each half is tried
// alone, so that in the end only what is at fault fails.
func (h *Host) appendBatch(ctx context.Context, try *trouble.Try, batch []*call, records []events.Record) []events.Record {
	records = records[:0]
	for _, c := range batch {
		records = append(records, c.record)
	}
	failpoint.Hit(failpoint.CallsAppending)
	base, err := h.cfg.Log.Append(ctx, records)
	switch {
	case err == nil:
		failpoint.Hit(failpoint.CallsAppended)
		try.Passed()
		h.landed(flight{calls: batch, last: base + int64(len(batch)) - 1, at: h.cfg.Now()})
	case eventlog.IsRefused(err) && len(batch) == 1:
		try.End()
		h.refused(batch[0], err)
	case eventlog.IsRefused(err):
		records = h.appendBatch(ctx, try, batch[:len(batch)/2], records)
		records = h.appendBatch(ctx, try, batch[len(batch)/2:], records)
	case ctx.Err() != nil: // Run ends the calls.
	case eventlog.IsDenied(err):
		try.End() // Its callers are told.
		for _, c := range batch {
			h.giveUp(c.id, err)
		}
	default:
		h.again(batch)
		try.Again(ctx, err, appendPause)
	}
	return records
}

// landed notes that a batch was acknowledged.
func (h *Host) landed(f flight) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.flights = append(h.flights, f)
}

// refused ends a call whose record the broker will never take.
func (h *Host) refused(c *call, err error) {
	if c = h.take(c.id); c == nil {
		return
	}
	h.metrics.refused()
	c.done(nil, nil, Verdict{}, fmt.Errorf("make a call to %s/%d: %w", h.cfg.Topic, h.cfg.Partition, err))
}

// again lets calls be appended again, as they are, before all others.
func (h *Host) again(batch []*call) {
	h.mu.Lock()
	defer h.mu.Unlock()
	slices.SortFunc(batch, func(a, b *call) int { return cmp.Compare(a.n, b.n) })
	var queue []*call
	for _, c := range batch {
		if !c.over.Load() && !c.queued {
			c.queued = true
			queue = append(queue, c)
		}
	}
	if len(queue) > 0 {
		h.metrics.again(len(queue))
		h.queue = append(queue, h.queue...)
		h.wakeAppender()
	}
}

// missing returns the calls of acknowledged batches that the fold has come beyond, or
// which do not show at the end of the log for long, and that have no verdict: the log has
// lost them.
func (h *Host) missing(position int64, atEnd bool) (lost []*call) {
	n := 0
	for ; n < len(h.flights); n++ {
		f := &h.flights[n]
		beyond := position > f.last
		if !beyond && !(atEnd && h.cfg.Now().Sub(f.at) > landPatience) {
			break
		}
		for _, c := range f.calls {
			if !c.over.Load() && !c.queued {
				lost = append(lost, c)
			}
		}
	}
	clear(h.flights[:n])
	if h.flights = h.flights[n:]; len(h.flights) == 0 {
		h.flights = nil
	}
	return lost
}
