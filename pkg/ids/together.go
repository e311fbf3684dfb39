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
// and of one partition are one record, and so are their answers. A request in a
// trace that is sampled stands alone, and one that is made alone does, too. None is sent
// twice.
type together struct {
	mu      sync.Mutex
	waiting []*waiter
	sending bool // A goroutine is about to send what waits.
	last    int  // how many waited when that was done last
	enough  chan struct{}
}

func newTogether() together { return together{enough: make(chan struct{}, 1)} }

const (
	// gathering is how long requests wait at most for as many as were sent the last time.
	gathering = 250 * time.Microsecond
	// maxTogether is how many requests stand in one record.
	maxTogether = events.MaxTogether / 2
	// maxLease is how long the text of a lease is.
	maxLease = 64
)

// joins tells whether a request may stand beside others. What may be refused for its form
// is no reason for others to wait, or to fail.
func (t *together) joins(ctx context.Context, m *events.IdsRangeRequested) bool {
	return !trace.SpanContextFromContext(ctx).IsSampled() && len(m.Lease) <= maxLease && events.CheckOptionalID("the owner", m.Owner) == nil
}

// record is a record of requests: it is sent for as long as one of them is waited for.
type record struct {
	cancel context.CancelFunc
	// held is by how many: who wait for it, and who fills it.
	held atomic.Int32
}

// gone is the record of who waits no more.
var gone = new(record)

func (r *record) leave() {
	if r.held.Add(-1) == 0 {
		r.cancel()
	}
}

// stand makes the request of w one of the record's, unless nobody waits for it.
func (r *record) stand(w *waiter) bool {
	r.held.Add(1)
	if w.ctx.Err() == nil && w.record.CompareAndSwap(nil, r) {
		return true
	}
	r.leave()
	return false
}

// leave says that nobody waits for the request any more.
func (w *waiter) leave() {
	if r := w.record.Swap(gone); r != nil {
		r.leave()
	}
}

// askTogether writes a request for a range, beside others if there are any, and waits for
// its answer, no longer than until by.
func (c *Client) askTogether(ctx context.Context, by time.Time, space, requestID string, m *events.IdsRangeRequested) (*events.IdsAnswered, error) {
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
	w := newWaiter(ctx, by, space, requestID, events.TypeIdsRangeRequested)
	m.Space = "" // It is the record's.
	w.wants = m
	t.wait(w)
	defer t.forget(w)
	defer w.leave()
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

// join has a request sent with those of all who are about to make one. Who comes first has
// a goroutine begun that sends all of them: no caller is held by what others wait for.
func (c *Client) join(w *waiter) {
	if c.together.add(w) {
		c.run(c.sendWaiting) // If it is closed, all that wait are told so.
	}
}

// add lets a request wait; first tells that nothing is about to send it.
func (t *together) add(w *waiter) (first bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, w)
	first, t.sending = !t.sending, true
	if len(t.waiting) == t.last {
		select {
		case t.enough <- struct{}{}:
		default:
		}
	}
	return first
}

// gather takes what waits, once all who are ready to make a request have made it. Callers
// that were answered together ask again together, but not at the same moment: so as many
// are waited for as waited the last time, and a caller that is alone waits for none. A record
// costs about the same however many requests it has; without the wait the first of 64
// callers would ask alone, and the others wait until it is answered.
func (t *together) gather() []*waiter {
	runtime.Gosched()
	if t.few() {
		timer := time.NewTimer(gathering)
		select {
		case <-t.enough:
		case <-timer.C:
		}
		timer.Stop()
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	all := t.waiting
	t.waiting, t.sending, t.last = nil, false, len(all)
	return all
}

// few tells whether fewer wait than the last time; enough is told when that has changed.
func (t *together) few() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	select {
	case <-t.enough: // Of before.
	default:
	}
	return len(t.waiting) < t.last
}

// sendWaiting sends what waits.
func (c *Client) sendWaiting() {
	for all := c.together.gather(); len(all) > 0; {
		ctx, cancel := context.WithCancel(c.ctx)
		r := &record{cancel: cancel}
		r.held.Store(1)
		var some []*waiter
		some, all = r.fill(all)
		r.leave()
		c.sendAll(ctx, some)
	}
}

// fill takes those of the first one's space and partition, as many as one record has. What
// is not waited for any more is left out.
func (r *record) fill(all []*waiter) (some, rest []*waiter) {
	some = make([]*waiter, 0, len(all))
	for _, w := range all {
		if len(some) > 0 && (len(some) == maxTogether || w.space != some[0].space || w.partition != some[0].partition) {
			rest = append(rest, w)
		} else if r.stand(w) {
			some = append(some, w)
		}
	}
	return some, rest
}

// sendAll sends requests of one space and partition, for as long as ctx lasts.
func (c *Client) sendAll(ctx context.Context, all []*waiter) {
	var rec events.Record
	var err error
	switch len(all) {
	case 0:
		return
	case 1: // It is a record of its own.
		w := all[0]
		m := w.wants
		rec, err = c.encoder.Encode(w.requestID, &events.IdsRangeRequested{
			Space: w.space, RequestId: m.RequestId, Owner: m.Owner, Lease: m.Lease, Count: m.Count,
		}, messaging.Inject(w.ctx)...)
	default:
		m := &events.IdsRangesRequested{Space: all[0].space, Ranges: make([]*events.IdsRangeRequested, len(all))}
		for i, w := range all {
			m.Ranges[i] = w.wants
		}
		rec, err = c.encoder.Encode(newID(), m)
	}
	sent := func(offset int64, err error) {
		for _, w := range all {
			w.sent(offset, err)
		}
	}
	if err != nil {
		sent(0, err)
		return
	}
	rec.Key, rec.Timestamp = []byte(all[0].requestID), time.Now().UnixMilli()
	c.producer.Send(ctx, c.requestTopic, all[0].partition, rec, sent)
}
