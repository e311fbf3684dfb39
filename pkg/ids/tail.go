package ids

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
	answered chan *events.IdsAnswered
	failed   chan error // why its request is not in the log, or may not be
	next     *waiter    // of the same question
}

// sent takes the news of its request.
func (w *waiter) sent(_ int64, err error) {
	if err != nil {
		w.failed <- err
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
	fetchWait = 500 * time.Millisecond
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
	c.tails[partition] = t
	c.running.Go(func() { t.run(c.ctx, end) })
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

// read gives an answer to what waits for it. All other records are others' business.
func (t *tail) read(rec *events.Record) {
	if events.TypeOfRecord(rec) != events.TypeOf((*events.IdsAnswered)(nil)) {
		return
	}
	m, err := events.Message(rec)
	a, ok := m.(*events.IdsAnswered)
	if err != nil || !ok {
		return
	}
	q := question{a.Space, a.RequestId, a.Command}
	t.mu.Lock()
	defer t.mu.Unlock()
	for w := t.waiters[q]; w != nil; w = w.next {
		w.answered <- a
	}
	delete(t.waiters, q)
}

func (t *tail) wait(q question) *waiter {
	w := &waiter{question: q, answered: make(chan *events.IdsAnswered, 1), failed: make(chan error, 1)}
	t.mu.Lock()
	defer t.mu.Unlock()
	w.next, t.waiters[q] = t.waiters[q], w
	return w
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
