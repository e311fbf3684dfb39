package allocator

import (
	"context"
	"math/rand/v2"
	"runtime"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
	"github.com/spanway/spanway/services/allocator/store"
)

// granter grants ranges of the spaces of one partition. Requests that come while others
// of their space are proposed are combined into the next change of the store, and their
// grants are one batch in the log.
type granter struct {
	host     *sharedlog.Host
	answers  *answers
	store    Store
	now      func() time.Time
	patience time.Duration
	metrics  *metrics
	try      *trouble.Try    // the store
	ctx      context.Context // of the service
	running  sync.WaitGroup

	// failed is told when the store could not be used: it is looked at again soon, or
	// /readyz would say so until somebody asks for a range.
	failed chan struct{}

	mu     sync.Mutex
	spaces map[string]*space
}

// space is what a granter has of a space: the requests that wait to be proposed, and what
// the next change of the store is to note.
type space struct {
	name    string
	waiting []*request
	serving bool
	granted []store.Grant
	refused []string
	// stale: the store must be filled from the fold before it proposes.
	stale bool
	// told is the offset of the log below which the store knows what became free. It is of
	// what serves the space.
	told int64
}

// outcome is what became of a request.
type outcome struct {
	code    events.Code
	granted *events.IdsRangeGranted
	offset  int64
	room    *events.IdsRoom
	most    int64  // what a grant may have, of CodeBadCount; 0 if it is not known
	known   string // what the fold says of why it was refused; empty if that is not known
	ended   int64  // the offset of the record by which the grant ended, of CodeGrantEnded
	until   int64  // the time of day at which the lease ends, in milliseconds; 0: not known
	inTheWay
	err error // it has no verdict
}

// maxBatch is how many requests one change of the store has at most.
const maxBatch = events.MaxTogether

// enqueue lets requests for ranges of one space wait to be proposed.
func (g *granter) enqueue(requests ...*request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	name := requests[0].space
	s := g.spaces[name]
	if s == nil {
		s = &space{name: name, stale: true}
		g.spaces[name] = s
	}
	s.waiting = append(s.waiting, requests...)
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
			g.finish(outcome{err: g.ctx.Err()}, again...)
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

// take takes a batch of what waits, and what is to be noted with it. It does not wait for the
// verdicts on those before them: larger batches would cost less each, but the store and the
// log would be idle in turns.
func (g *granter) take(s *space) ([]*request, store.Batch) {
	g.mu.Lock()
	defer g.mu.Unlock()
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
			g.finish(outcome{code: events.CodeStoreUnavailable}, r)
			continue
		}
		rest = append(rest, r)
	}
	return rest
}

// finish has an outcome answered.
func (g *granter) finish(out outcome, requests ...*request) {
	g.answers.add(out, requests...)
	g.answers.flush()
}

// decided takes the verdict on a grant, in the host's goroutine. It is answered when all
// of the page is folded.
func (g *granter) decided(s *space, r *request, core sharedlog.Core, v sharedlog.Verdict, err error) {
	if err != nil {
		g.finish(outcome{err: err}, r)
		return
	}
	var out outcome
	id := r.grant.RequestId
	switch v.Code {
	case "", events.CodeAlreadyGranted:
		grant, ok := held(core.(*idspace.Core), s.name, id)
		if !ok {
			g.anew(s, r)
			return
		}
		out = outcome{granted: grant.Granted(), offset: grant.Offset, until: g.answers.until(&grant)}
		g.note(s, &grant, id, false)
		if v.Accepted() {
			g.metrics.granted(grant.To - grant.From + 1)
		}
	case events.CodeRangeTaken, events.CodeOutOfBounds, events.CodeTooLate:
		g.metrics.refused(v.Code)
		g.anew(s, r)
		return
	default:
		out = explained(core.(*idspace.Core), r.command, v)
		g.note(s, nil, id, false)
	}
	g.answers.add(out, r)
}

// held finds a grant that was accepted. The fold may be of later than the verdict: a host
// that begins anew has verdicts as of a snapshot. Then the grant may have ended, and its space
// may have been deleted.
func held(core *idspace.Core, space, id string) (grant idspace.Grant, ok bool) {
	if s := core.Space(space); s != nil {
		grant, ok = s.Grant(id)
	}
	return grant, ok && grant.Live > 0
}

// anew has a request decided once more, by what the fold says then.
func (g *granter) anew(s *space, r *request) {
	g.note(s, nil, r.grant.RequestId, true)
	if rest := g.impatient([]*request{r}); len(rest) > 0 {
		g.enqueue(rest...)
	}
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
