package ids

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/events"
)

// question is what an answer is of.
type question struct{ space, requestID, command string }

// waiter waits for one answer.
type waiter struct {
	question
	ctx       context.Context //nolint:containedctx // Of who waits: others may send its request.
	partition int32           // of the request
	told      chan news
	next      *waiter // of the same question

	by     time.Time                 // when it waits no longer
	wants  *events.IdsRangeRequested // a request that may stand beside others
	record atomic.Pointer[record]    // in which that stands; gone when nobody waits for it
}

func newWaiter(ctx context.Context, by time.Time, space, requestID string, command events.Type) *waiter {
	return &waiter{
		question: question{space, requestID, string(command)}, ctx: ctx, by: by,
		partition: events.RequestPartition(requestID), told: make(chan news, 1),
	}
}

// news are an answer, or why the request is not in the log, or may not be.
type news struct {
	answer *events.IdsAnswered
	err    error
}

// tell tells it once: what comes first.
func (w *waiter) tell(n news) {
	select {
	case w.told <- n:
	default:
	}
}

// sent takes the news of its request.
func (w *waiter) sent(_ int64, err error) {
	if err != nil {
		w.tell(news{err: err})
	}
}

// tail reads the answers of one partition, from where it ended when it was begun.
type tail struct {
	log *kafka.Partition
	try *trouble.Try

	mu      sync.Mutex
	waiters map[question]*waiter // the first of each
}

const (
	fetchWait = 2 * time.Second
	pause     = 200 * time.Millisecond
)

// tail is that of a partition: what is asked after it has returned is answered behind
// where it reads.
func (c *Client) tail(ctx context.Context, partition int32) (*tail, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return nil, ErrClosed
	}
	if t := c.tails[partition]; t != nil {
		return t, nil
	}
	topic, client := c.topics.IDEvents(), c.cfg.Cluster.Kafka()
	_, end, err := client.Offsets(ctx, topic, partition)
	if err != nil {
		return nil, fmt.Errorf("find the end of %s/%d: %w", topic, partition, err)
	}
	t := &tail{
		log: client.Partition(topic, partition), waiters: map[question]*waiter{},
		try: client.Board().New(fmt.Sprintf("read answers from %s/%d", topic, partition)),
	}
	if !c.run(func() { t.run(c.ctx, end) }) {
		t.try.End()
		return nil, ErrClosed
	}
	c.tails[partition] = t
	return t, nil
}

func (t *tail) run(ctx context.Context, position int64) {
	defer t.try.End()
	for ctx.Err() == nil {
		page, err := t.log.Fetch(ctx, position, fetchWait)
		var gone *kafka.OutOfRange
		switch {
		case errors.As(err, &gone):
			// The log begins behind here, or lost its tail. Requests whose answers were
			// there end with *Unanswered: made again, they are answered again.
			position = min(max(position, gone.Start), gone.End)
			t.try.Again(ctx, err, pause)
			continue
		case err != nil:
			t.try.Again(ctx, err, pause)
			continue
		}
		t.try.Passed()
		for i := range page.Records {
			t.read(&page.Records[i])
		}
		position = page.Next
	}
}

// read gives answers to what waits for them. All other records are others' business.
func (t *tail) read(rec *events.Record) {
	switch events.TypeOfRecord(rec) {
	case events.TypeIdsAnswered, events.TypeIdsRangesAnswered:
	default:
		return
	}
	m, err := events.Message(rec)
	if err != nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch m := m.(type) {
	case *events.IdsAnswered:
		t.give(m)
	case *events.IdsRangesAnswered:
		for a := range m.Each() {
			t.give(a)
		}
	}
}

// give gives an answer to who waits for it; t.mu is held.
func (t *tail) give(a *events.IdsAnswered) {
	q := question{a.Space, a.RequestId, a.Command}
	first := t.waiters[q]
	for w := first; w != nil; w = w.next {
		w.tell(news{answer: a})
	}
	if first != nil {
		delete(t.waiters, q)
	}
}

func (t *tail) wait(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w.next, t.waiters[w.question] = t.waiters[w.question], w
}

func (t *tail) forget(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	first := t.waiters[w.question]
	if first == w {
		if w.next == nil {
			delete(t.waiters, w.question)
			return
		}
		t.waiters[w.question] = w.next
		return
	}
	for other := first; other != nil; other = other.next {
		if other.next == w {
			other.next = w.next
			return
		}
	}
}
