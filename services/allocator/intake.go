package allocator

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/pkg/commands"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

// request is a command that waits for its answer.
type request struct {
	command
	*incoming
	over bool // it was told; of the message's mu
}

// incoming is a message with one request, or with several that stand together.
type incoming struct {
	ctx   context.Context //nolint:containedctx // Of the message: its answer is part of its trace.
	began time.Time
	sent  trace.SpanContext // of what handles it
	// told is told nil when all answers are in the log, or why one is not.
	told chan error

	mu   sync.Mutex
	left int // requests without an answer
	err  error
}

// fail ends a request without an answer.
func (r *request) fail(err error) {
	r.tell(fmt.Errorf("decide %s %s of space %q: %w", r.typ, r.requestID, r.space, err))
}

// tell ends a request. What came with others is over when all of them are: so no two
// copies of them are decided at once where the message comes again.
func (r *request) tell(err error) {
	m := r.incoming
	m.mu.Lock()
	defer m.mu.Unlock()
	if r.over {
		return
	}
	r.over = true
	m.left--
	if err != nil && m.err == nil {
		m.err = err
	}
	if m.left == 0 {
		m.told <- m.err
	}
}

// intake reads the commands that messages hold, and gives them to their partitions: those
// that came together at once.
type intake struct {
	queue      chan *incoming
	partitions map[int32]*partition
	now        func() time.Time
	metrics    *metrics
}

func newIntake(partitions map[int32]*partition, now func() time.Time, m *metrics) *intake {
	return &intake{queue: make(chan *incoming, maxBatch), partitions: partitions, now: now, metrics: m}
}

// put gives a message in, if it is taken before its context ends.
func (i *intake) put(m *incoming) {
	select {
	case i.queue <- m:
	case <-m.ctx.Done():
	}
}

// run reads until ctx ends.
func (i *intake) run(ctx context.Context) {
	var batch []*incoming
	for {
		select {
		case m := <-i.queue:
			batch = i.more(append(batch[:0], m))
			i.handOver(batch)
			clear(batch)
		case <-ctx.Done():
			return
		}
	}
}

// more adds what else is there. Messages that came in one page are given in by goroutines
// of their own: all that can run do so first.
func (i *intake) more(batch []*incoming) []*incoming {
	runtime.Gosched()
	for len(batch) < maxBatch {
		select {
		case m := <-i.queue:
			batch = append(batch, m)
		default:
			return batch
		}
	}
	return batch
}

// handOver gives requests to those who decide.
func (i *intake) handOver(batch []*incoming) {
	grants := map[string][]*request{}
	for _, m := range batch {
		m.began, m.sent = i.now(), trace.SpanContextFromContext(m.ctx)
		requests, err := m.read()
		if err != nil {
			i.metrics.dead()
			m.told <- commands.Poison(fmt.Errorf("read a command for an allocator: %w", err))
			continue
		}
		for n := range requests {
			r := &requests[n]
			switch p := i.partitions[events.SpacePartition(r.space)]; {
			case r.bad != nil:
				p.finish(outcome{code: r.bad.Code}, r)
			case r.grant != nil:
				grants[r.space] = append(grants[r.space], r)
			default:
				p.running.Go(func() { p.decide(r) })
			}
		}
	}
	for space, requests := range grants {
		i.partitions[events.SpacePartition(space)].enqueue(requests...)
	}
}

// read reads the commands. What makes that fail, in whichever way, is no reason for others
// to wait.
func (m *incoming) read() (requests []request, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	rec, ok := watermillkafka.MessageRecordFromCtx(m.ctx)
	if !ok {
		return nil, errors.New("the message has no record; it must come of a watermillkafka.Subscriber")
	}
	all, err := read(rec)
	if err != nil {
		return nil, err
	}
	m.left = len(all)
	requests = make([]request, len(all))
	for i, c := range all {
		requests[i] = request{command: c, incoming: m}
	}
	return requests, nil
}
