package allocator

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/pkg/commands"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

// request is a command that waits for its answer.
type request struct {
	command
	ctx   context.Context //nolint:containedctx // Of the message: its answer is part of its trace.
	began time.Time
	sent  trace.SpanContext // of what handles it
	// told is told nil when the answer is in the log, or why it is not.
	told chan error
}

// fail ends a request without an answer.
func (r *request) fail(err error) {
	if r.requestID != "" {
		err = fmt.Errorf("decide %s %s of space %q: %w", r.typ, r.requestID, r.space, err)
	}
	r.tell(err)
}

func (r *request) tell(err error) {
	select {
	case r.told <- err:
	default: // It was told before.
	}
}

// intake reads the commands that messages hold, and gives them to their partitions: those
// that came together at once.
type intake struct {
	queue      chan *request
	partitions map[int32]*partition
	now        func() time.Time
	metrics    *metrics
}

func newIntake(partitions map[int32]*partition, now func() time.Time, m *metrics) *intake {
	return &intake{queue: make(chan *request, maxBatch), partitions: partitions, now: now, metrics: m}
}

// put gives a message in, if it is taken before its context ends.
func (i *intake) put(r *request) {
	select {
	case i.queue <- r:
	case <-r.ctx.Done():
	}
}

// run reads until ctx ends.
func (i *intake) run(ctx context.Context) {
	var batch []*request
	for {
		select {
		case r := <-i.queue:
			batch = i.more(append(batch[:0], r))
			i.handOver(batch)
			clear(batch)
		case <-ctx.Done():
			return
		}
	}
}

// more adds what else is there. Messages that came in one page are given in by goroutines
// of their own: all that can run do so first.
func (i *intake) more(batch []*request) []*request {
	runtime.Gosched()
	for len(batch) < maxBatch {
		select {
		case r := <-i.queue:
			batch = append(batch, r)
		default:
			return batch
		}
	}
	return batch
}

// handOver gives requests to those who decide.
func (i *intake) handOver(batch []*request) {
	grants := map[string][]*request{}
	for _, r := range batch {
		r.began, r.sent = i.now(), trace.SpanContextFromContext(r.ctx)
		if err := r.read(); err != nil {
			i.metrics.dead()
			r.fail(commands.Poison(fmt.Errorf("read a command for an allocator: %w", err)))
			continue
		}
		switch p := i.partitions[events.SpacePartition(r.space)]; {
		case r.bad != nil:
			p.finish(outcome{code: r.bad.Code}, r)
		case r.grant != nil:
			grants[r.space] = append(grants[r.space], r)
		default:
			p.running.Go(func() { p.decide(r) })
		}
	}
	for space, requests := range grants {
		i.partitions[events.SpacePartition(space)].enqueue(requests...)
	}
}

// read reads the command. What makes that fail, in whichever way, is no reason for others
// to wait.
func (r *request) read() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	rec, ok := watermillkafka.MessageRecordFromCtx(r.ctx)
	if !ok {
		return errors.New("the message has no record; it must come of a watermillkafka.Subscriber")
	}
	r.command, err = read(rec)
	return err
}
