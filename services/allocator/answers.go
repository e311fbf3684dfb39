package allocator

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
)

// answers writes what became of requests to the log of grants: what is decided in one page
// of it is answered in one batch.
type answers struct {
	host    *sharedlog.Host
	now     func() time.Time
	metrics *metrics

	moved *events.LogTimePassed // the last move of the time that was seen; of the host's goroutine

	mu    sync.Mutex
	queue []answer
	wake  chan struct{}
}

// answer is a request and what became of it.
type answer struct {
	*request
	out outcome
}

func newAnswers(host *sharedlog.Host, now func() time.Time, m *metrics) *answers {
	return &answers{host: host, now: now, metrics: m, wake: make(chan struct{}, 1)}
}

// add adds what is to be answered when flush is called. Requests without a verdict are told
// so at once.
func (a *answers) add(out outcome, requests ...*request) {
	if out.err != nil {
		for _, r := range requests {
			r.fail(out.err)
		}
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, r := range requests {
		a.queue = append(a.queue, answer{r, out})
	}
}

// flush has all answered that was added.
func (a *answers) flush() {
	select {
	case a.wake <- struct{}{}:
	default: // It is to wake up already.
	}
}

// follow calls flush whenever a page is folded, until stop is called.
func (a *answers) follow(ctx context.Context) (stop func(), err error) {
	return a.host.Watch(ctx, &sharedlog.Watcher{
		Began: func(sharedlog.Core, sharedlog.Position) {
			a.moved = nil
			a.flush()
		},
		Decided: func(_ sharedlog.Core, c *sharedlog.Call, v sharedlog.Verdict) {
			if m, ok := c.Message.(*events.LogTimePassed); ok && v.Accepted() {
				a.moved = m
			}
		},
		Stepped: func(sharedlog.Core, sharedlog.Position) { a.flush() },
	})
}

// until is the time of day at which a lease ends, in milliseconds since the Unix epoch; 0 if
// there is none, or if that is not known. It is called in the host's goroutine.
func (a *answers) until(g *idspace.Grant) int64 {
	switch {
	case g.Lease > 0:
		return a.now().UnixMilli() + g.Lease
	case g.Ends > 0 && a.moved.GetAtMs() > 0:
		return a.moved.AtMs + g.Ends - a.moved.ToMs
	}
	return 0
}

// run writes answers until ctx ends.
func (a *answers) run(ctx context.Context) {
	for {
		select {
		case <-a.wake:
			a.write(ctx, a.take())
		case <-ctx.Done():
			for _, r := range a.take() {
				r.fail(ctx.Err())
			}
			return
		}
	}
}

func (a *answers) take() []answer {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := a.queue
	a.queue = nil
	return all
}

// write appends answers, together. Those whose requests stood beside others are in one
// record for each space.
func (a *answers) write(ctx context.Context, all []answer) {
	making := make([]sharedlog.Making, 0, len(all))
	atMs := a.now().UnixMilli()
	among := map[string][]answer{}
	for _, one := range all {
		if err := one.ctx.Err(); err != nil { // The request comes again, and is answered then.
			one.fail(err)
			continue
		}
		failpoint.Hit(failpoint.RangeDecided)
		if one.among {
			among[one.space] = append(among[one.space], one)
			continue
		}
		making = append(making, a.making(one.message(atMs), one))
	}
	for space, some := range among {
		for part := range slices.Chunk(some, maxAnswers) {
			making = append(making, a.making(answeredTogether(space, part, atMs), part...))
		}
	}
	a.host.StartAll(ctx, making)
}

// maxAnswers is how many answers one record has: the texts of so many refusals fit it.
const maxAnswers = events.MaxTogether / 2

// making is the call that tells some answers.
func (a *answers) making(m proto.Message, of ...answer) sharedlog.Making {
	return sharedlog.Making{Within: of[0].ctx, Message: m, Done: func(_ sharedlog.Core, _ *sharedlog.Call, _ sharedlog.Verdict, err error) {
		for _, one := range of {
			a.written(one, err)
		}
	}}
}

// written takes the news that an answer is in the log, or that it may not be.
func (a *answers) written(one answer, err error) {
	if err != nil {
		one.fail(fmt.Errorf("answer it: %w", err))
		return
	}
	failpoint.Hit(failpoint.RangeAnswered)
	a.metrics.answered(one.out.code)
	one.tell(nil)
}

// message is the answer as it is called alone.
func (a *answer) message(atMs int64) *events.IdsAnswered {
	m := a.body()
	m.Space, m.Command, m.AtMs = a.space, string(a.typ), atMs
	return m
}

func (a *answer) body() *events.IdsAnswered {
	out := &a.out
	return &events.IdsAnswered{
		RequestId: a.requestID, Code: string(out.code), Text: text(a.command, a.out),
		Granted: out.granted, Offset: out.offset, Room: out.room, Held: out.held, HeldMore: out.more, Ended: out.ended, UntilMs: out.until,
	}
}

// answeredTogether are answers as they are called beside one another: what the record and the answer
// say is not said again of what was granted.
func answeredTogether(space string, all []answer, atMs int64) *events.IdsRangesAnswered {
	m := &events.IdsRangesAnswered{Space: space, AtMs: atMs, Answers: make([]*events.IdsAnswered, len(all))}
	for i := range all {
		one := all[i].body()
		if one.Granted != nil {
			one.Granted.Space, one.Granted.RequestId = "", ""
		}
		m.Answers[i] = one
	}
	return m
}
