package ids

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/events"
)

// together are requests for ranges that callers make at the same time: those of one space
// and of one partition are one record, and so are their answers. A request that is part of
// a trace stands alone, and one that is made alone does, too.
type together struct {
	mu      sync.Mutex
	waiting []*waiter
	sending bool
	// patience is how long requests that stand together wait for their answers before each
	// is made again, alone: an allocator of before leaves them unanswered.
	patience time.Duration

	// until is up to when all requests stand alone, in nanoseconds since the Unix epoch:
	// some that stood together were not answered.
	until atomic.Int64
}

const (
	// maxTogether is how many requests stand in one record.
	maxTogether = events.MaxTogether / 2
	// maxLease is how long the text of a lease is.
	maxLease        = 64
	defaultPatience = 3 * time.Second
	// alone is for how long all requests stand alone after that.
	alone = time.Minute
)

// joins tells whether a request may stand beside others. What may be refused for its form
// is no reason for others to wait.
func (t *together) joins(ctx context.Context, m *events.IdsRangeRequested) bool {
	if trace.SpanContextFromContext(ctx).IsValid() || len(m.Lease) > maxLease || events.CheckOptionalID("the owner", m.Owner) != nil {
		return false
	}
	until := t.until.Load()
	return until == 0 || time.Now().UnixNano() > until
}

// askTogether writes a request for a range, beside others if there are any, and waits for
// its answer.
func (c *Client) askTogether(ctx context.Context, space, requestID string, m *events.IdsRangeRequested) (*events.IdsAnswered, error) {
	timer, _ := timers.Get().(*time.Timer)
	timer.Reset(c.cfg.Timeout) // A context of its own for each request would cost more than all else here.
	defer func() {
		timer.Stop()
		timers.Put(timer)
	}()
	t, err := c.readyWithin(ctx, space)
	if err != nil {
		return nil, err
	}
	w := newWaiter(ctx, space, requestID, events.TypeIdsRangeRequested)
	m.Space = "" // It is the record's.
	w.wants, w.since = m, time.Now()
	t.wait(w)
	defer t.forget(w)
	c.join(w)
	return c.await(ctx, w, timer.C)
}

var timers = sync.Pool{New: func() any {
	t := time.NewTimer(time.Hour)
	t.Stop()
	return t
}}

// readyWithin is ready, for no longer than an answer is waited for.
func (c *Client) readyWithin(ctx context.Context, space string) (*tail, error) {
	c.mu.Lock()
	t := c.tails[events.SpacePartition(space)]
	c.mu.Unlock()
	if refusal, known := c.guard.Known(); known && (t != nil || refusal != nil) {
		return t, refusal
	}
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	return c.ready(ctx, space)
}

// join sends a request with those of all who are about to make one. Who comes first sends
// those of the others.
func (c *Client) join(w *waiter) {
	t := &c.together
	t.mu.Lock()
	t.waiting = append(t.waiting, w)
	first := !t.sending
	t.sending = true
	t.mu.Unlock()
	if !first {
		return
	}
	runtime.Gosched()
	t.mu.Lock()
	all := t.waiting
	t.waiting, t.sending = nil, false
	t.mu.Unlock()
	for len(all) > 0 {
		var some []*waiter
		some, all = split(all)
		c.sendAll(some)
	}
}

// split takes those of the first one's space and partition, as many as one record has. What
// is not waited for any more is left out.
func split(all []*waiter) (some, rest []*waiter) {
	some = make([]*waiter, 0, len(all))
	for _, w := range all {
		switch {
		case w.ctx.Err() != nil:
		case len(some) == 0, len(some) < maxTogether && w.space == some[0].space && w.partition == some[0].partition:
			some = append(some, w)
		default:
			rest = append(rest, w)
		}
	}
	return some, rest
}

// sendAll sends requests of one space and partition.
func (c *Client) sendAll(all []*waiter) {
	switch len(all) {
	case 0:
		return
	case 1:
		c.sendAlone(all[0])
		return
	}
	m := &events.IdsRangesRequested{Space: all[0].space, Ranges: make([]*events.IdsRangeRequested, len(all))}
	for i, w := range all {
		m.Ranges[i] = w.wants
	}
	rec, err := c.encoder.Encode(newID(), m)
	if err != nil { // It is the fault of one.
		for _, w := range all {
			c.sendAlone(w)
		}
		return
	}
	rec.Key, rec.Timestamp = []byte(all[0].requestID), time.Now().UnixMilli()
	c.producer.Send(c.ctx, c.requestTopic, all[0].partition, rec, func(offset int64, err error) {
		for _, w := range all {
			w.sent(offset, err)
		}
	})
}

// sendAlone sends a request for a range in a record of its own.
func (c *Client) sendAlone(w *waiter) {
	m := w.wants
	rec, err := c.encoder.Encode(w.requestID, &events.IdsRangeRequested{
		Space: w.space, RequestId: m.RequestId, Owner: m.Owner, Lease: m.Lease, Count: m.Count,
	}, messaging.Inject(w.ctx)...)
	if err != nil {
		w.sent(0, err)
		return
	}
	rec.Key, rec.Timestamp = []byte(w.requestID), time.Now().UnixMilli()
	c.producer.Send(w.ctx, c.requestTopic, w.partition, rec, w.sent)
}

// again makes requests again, each alone, that stood together and are not answered.
func (c *Client) again(overdue []*waiter, now time.Time) {
	for _, w := range overdue {
		c.together.until.Store(now.Add(alone).UnixNano())
		c.sendAlone(w)
	}
}
