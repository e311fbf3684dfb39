package allocator

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
	"github.com/spanway/spanway/services/allocator/store"
)

// granter grants ranges of the spaces of one partition. Requests that come while others
// of their space are proposed are combined into the next change of the store.
type granter struct {
	host     *sharedlog.Host
	store    Store
	now      func() time.Time
	patience time.Duration
	metrics  *metrics
	try      *trouble.Try    // the store
	ctx      context.Context // of the service
	running  sync.WaitGroup

	mu     sync.Mutex
	spaces map[string]*space
}

// space is what a granter has of a space: the requests that wait to be proposed, and what
// the next change of the store is to note.
type space struct {
	name    string
	waiting []*request
	serving bool
	// called is how many calls have no verdict yet; fewer is told when one has, and when
	// many wait.
	called  int
	fewer   sync.Cond
	granted []store.Grant
	refused []string
	// stale: the store must be filled from the fold before it proposes.
	stale bool
}

// request is one for a range.
type request struct {
	grant *events.IdsRangeGranted // as it is called; its range comes from a proposal
	count int64
	began time.Time
	sent  trace.SpanContext // of what handles it
	done  chan outcome
}

// outcome is what became of a request.
type outcome struct {
	code    events.Code
	granted *events.IdsRangeGranted
	offset  int64
	room    *events.IdsRoom
	most    int64  // what a grant may have, of CodeBadCount; 0 if it is not known
	known   string // what the fold says of why it was refused; empty if that is not known
	inTheWay
	err error // it has no verdict
}

const (
	// maxBatch is how many requests one change of the store has at most.
	maxBatch = 512
	// many is how many requests wait for no verdict of those before them.
	many = 128
)

// Grant grants a range of so many identifiers, or says why not. Its error says that there
// is no verdict: the same request may be made again.
func (g *granter) Grant(ctx context.Context, grant *events.IdsRangeGranted, count int64) (outcome, error) {
	r := &request{grant: grant, count: count, began: g.now(), sent: trace.SpanContextFromContext(ctx), done: make(chan outcome, 1)}
	g.enqueue(r)
	select {
	case out := <-r.done:
		return out, out.err
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
}

func (g *granter) enqueue(requests ...*request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := requests[0].grant.Space
	s := g.spaces[name]
	if s == nil {
		s = &space{name: name, stale: true}
		s.fewer.L = &g.mu
		g.spaces[name] = s
	}
	if s.waiting = append(s.waiting, requests...); len(s.waiting) >= many {
		s.fewer.Signal()
	}
	if !s.serving {
		s.serving = true
		g.running.Go(func() { g.serve(s) })
	}
}

// serve proposes what waits, batch by batch, until nothing does.
func (g *granter) serve(s *space) {
	for {
		// Requests that came in one page are handed over by goroutines of their own. All
		// that can run do so first: so they are one batch.
		runtime.Gosched()
		batch, note := g.take(s)
		if len(batch) == 0 {
			return
		}
		again := g.round(s, batch, note)
		if len(again) == 0 {
			continue
		}
		again = g.impatient(again)
		if !trouble.Pause(g.ctx, time.Millisecond+rand.N(20*time.Millisecond)) {
			finish(again, outcome{err: g.ctx.Err()})
			continue
		}
		if len(again) > 0 {
			g.enqueue(again...)
		}
	}
}

// idle ends what is told of the store if nothing waits for it: what waited was refused.
func (g *granter) idle() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, s := range g.spaces {
		if s.serving {
			return
		}
	}
	g.try.End()
}

// take takes a batch of what waits, and what is to be noted with it. Few wait until those
// before them have their verdicts: each batch costs the store and the log the same, however
// large it is, and their calls would wait for those before them anyway.
func (g *granter) take(s *space) ([]*request, store.Batch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for s.called > 0 && len(s.waiting) > 0 && len(s.waiting) < many {
		s.fewer.Wait()
	}
	n := min(len(s.waiting), maxBatch)
	if n == 0 {
		s.serving = false
		return nil, store.Batch{}
	}
	batch := s.waiting[:n:n]
	s.waiting = s.waiting[n:]
	note := store.Batch{Granted: s.granted, Refused: s.refused}
	s.granted, s.refused = nil, nil
	return batch, note
}

// impatient refuses those that have waited too long, and returns the others.
func (g *granter) impatient(requests []*request) (rest []*request) {
	for _, r := range requests {
		if g.now().Sub(r.began) > g.patience {
			finish([]*request{r}, outcome{code: events.CodeStoreUnavailable})
			continue
		}
		rest = append(rest, r)
	}
	return rest
}

func finish(requests []*request, out outcome) {
	for _, r := range requests {
		select {
		case r.done <- out:
		default: // It has an outcome.
		}
	}
}

// call appends the grant of a proposed range.
func (g *granter) call(s *space, r *request, at store.Range) {
	m := r.grant
	m.From, m.To, m.AtMs = at.From, at.To, g.now().UnixMilli()
	g.count(s, 1)
	_, err := g.host.Start(g.ctx, m, func(core sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict, err error) {
		g.decided(s, r, core, v, err)
		g.count(s, -1)
	})
	if err != nil {
		g.count(s, -1)
		finish([]*request{r}, outcome{err: err})
	}
}

// count notes that a call was begun, or has its verdict.
func (g *granter) count(s *space, n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if s.called += n; s.called == 0 {
		s.fewer.Signal()
	}
}

// decided takes the verdict on a grant, in the host's goroutine.
func (g *granter) decided(s *space, r *request, core sharedlog.Core, v sharedlog.Verdict, err error) {
	if err != nil {
		finish([]*request{r}, outcome{err: err})
		return
	}
	out := outcome{code: v.Code, offset: v.Offset}
	id := r.grant.RequestId
	switch v.Code {
	case "", events.CodeAlreadyGranted:
		grant, _ := core.(*idspace.Core).Space(s.name).Grant(id)
		out = outcome{granted: grant.Granted(), offset: grant.Offset}
		g.note(s, &grant, id, false)
		if v.Accepted() {
			g.metrics.granted(grant.To - grant.From + 1)
		}
	case events.CodeRangeTaken, events.CodeOutOfBounds, events.CodeTooLate:
		g.metrics.refused(v.Code)
		g.note(s, nil, id, true)
		if rest := g.impatient([]*request{r}); len(rest) > 0 {
			g.enqueue(rest...)
		}
		return
	default:
		g.note(s, nil, id, false)
	}
	finish([]*request{r}, out)
}

// note remembers what the store is to be told with its next change.
func (g *granter) note(s *space, grant *idspace.Grant, id string, stale bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.stale = s.stale || stale
	if grant == nil {
		s.refused = append(s.refused, id)
		return
	}
	s.granted = append(s.granted, store.Grant{RequestID: id, Range: store.Range{From: grant.From, To: grant.To}})
}
