package kafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// ProducerOptions bound a producer. The zero value is good.
type ProducerOptions struct {
	// Buffer is how many bytes of records may wait for their acknowledgement
	// before Send blocks; 8 MiB if 0. More would only wait elsewhere, and be in no
	// cache any more when its turn comes.
	Buffer int
	// BatchBytes is how large a batch may get; 1 MiB if 0.
	BatchBytes int
	// Forever tries a batch until it is acknowledged, refused, its contexts have
	// ended or the producer is closed, however long that takes, so that no record
	// overtakes one that could not be sent. Without it a record is given up when the
	// retry budget has passed since Send.
	Forever bool
	// Gather lets goroutines that are ready to run have their turn before a batch
	// is closed. It is for those who send one record and wait: an acknowledgement
	// wakes all of a batch, and what they send next is one batch again. Without it
	// the first of them would be a batch alone.
	Gather bool
}

// Producer appends single records to many partitions. Each partition has one
// batch under way at a time, and what is sent meanwhile makes the next one: so
// a quiet partition has no delay and a busy one large batches. Records of one
// partition keep the order of Send. It is safe for concurrent use.
type Producer struct {
	client  *Client
	options ProducerOptions
	ctx     context.Context // of all requests; ends with Close
	cancel  context.CancelFunc

	mu      sync.Mutex
	changed *sync.Cond // something was settled, or the producer was closed
	waiting int        // bytes not acknowledged yet
	workers map[topicPartition]*worker
	closed  bool
	running sync.WaitGroup
}

type topicPartition struct {
	topic     string
	partition int32
}

var errProducerClosed = errors.New("the producer is closed")

// Producer makes a producer. Close it before the client.
func (c *Client) Producer(options ProducerOptions) *Producer {
	if options.Buffer <= 0 {
		options.Buffer = 8 << 20
	}
	if options.BatchBytes <= 0 {
		options.BatchBytes = 1 << 20
	}
	p := &Producer{client: c, options: options, workers: map[topicPartition]*worker{}}
	p.ctx, p.cancel = context.WithCancel(context.Background())
	p.changed = sync.NewCond(&p.mu)
	return p
}

// Send queues a record, which must not be changed until done, if it is not nil,
// is called: once, with the record's offset, or with an error after which it may stand in the
// log or not (unless that is a *Refused or an *Unsent). done must not block, and may call
// Send only where it can be sure of room.
//
// ctx and, unless the producer tries forever, the client's RetryBudget bound the call: the
// time from Send to done, whatever waits before it. Send itself blocks while the buffer
// is full, no longer than that. Calls of done for one partition come in order, but that of
// a record whose bound has come may overtake others.
func (p *Producer) Send(ctx context.Context, topic string, partition int32, record events.Record, done func(offset int64, err error)) {
	q := queued{record: record, size: record.Size(), ctx: ctx, done: done}
	if !p.options.Forever {
		q.until = time.Now().Add(p.client.config.RetryBudget)
	}
	p.mu.Lock()
	if err := p.room(&q); err != nil {
		p.mu.Unlock()
		q.tell(0, &Unsent{Topic: topic, Partition: partition, Err: err})
		return
	}
	p.waiting += q.size
	w := p.worker(topicPartition{topic, partition})
	w.sent++
	w.queue = append(w.queue, q)
	p.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default: // it is awake, and looks again before it sleeps
	}
}

// room waits until a record fits the buffer; p.mu is held.
func (p *Producer) room(q *queued) error {
	full := func() bool { return !p.closed && p.waiting > 0 && p.waiting+q.size > p.options.Buffer }
	if full() {
		ctx, cancel := q.ctx, context.CancelFunc(func() {})
		if !q.until.IsZero() {
			ctx, cancel = context.WithDeadline(ctx, q.until)
		}
		defer cancel()
		defer context.AfterFunc(ctx, p.look)()
		for full() && ctx.Err() == nil {
			p.changed.Wait()
		}
	}
	switch err := q.over(time.Now()); {
	case p.closed:
		return errProducerClosed
	case err != nil && full():
		return fmt.Errorf("wait for room: %d bytes are not acknowledged yet: %w", p.waiting, err)
	default:
		return err
	}
}

// look has those that wait look again.
func (p *Producer) look() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.changed.Broadcast()
}

// worker finds or starts the goroutine of a partition; p.mu is held.
func (p *Producer) worker(at topicPartition) *worker {
	w := p.workers[at]
	if w == nil {
		w = &worker{
			producer: p, wake: make(chan struct{}, 1),
			log: p.client.Partition(at.topic, at.partition),
			try: p.client.board.New(fmt.Sprintf("append what waits for %s/%d", at.topic, at.partition)),
		}
		p.workers[at] = w
		p.running.Go(w.run)
	}
	return w
}

// settle gives the room of acknowledged or failed records back.
func (p *Producer) settle(w *worker, records, bytes int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.waiting -= bytes
	w.settled += records
	p.changed.Broadcast()
}

// Flush waits until everything that was sent before has had its done called,
// or ctx ends.
func (p *Producer) Flush(ctx context.Context) error {
	defer context.AfterFunc(ctx, p.look)()
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := make(map[*worker]int, len(p.workers))
	for _, w := range p.workers {
		sent[w] = w.sent
	}
	for w, target := range sent { // in any order: all of them must come
		for w.settled < target {
			if err := ctx.Err(); err != nil {
				return fmt.Errorf("flush what was sent to %s/%d, %d records: %w", w.log.topic, w.log.id, target-w.settled, err)
			}
			p.changed.Wait()
		}
	}
	return nil
}

// Close takes no more records, flushes those it has for as long as ctx lasts,
// fails the others, and returns when all its goroutines have ended. It may be
// called more than once.
func (p *Producer) Close(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	p.changed.Broadcast()
	p.mu.Unlock()
	err := p.Flush(ctx)
	p.cancel()
	p.running.Wait()
	return err
}
