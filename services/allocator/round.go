package allocator

import (
	"context"
	"errors"

	"github.com/spanway/spanway/internal/failpoint"
	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
	"github.com/spanway/spanway/services/allocator/store"
)

// view is what the fold says of a space and of some requests.
type view struct {
	known    bool
	space    store.Space
	maxCount int64
	granted  map[string]store.Range // by request ID
	free     []store.Range
	// freed are the ranges that became free since the store was told; all: none is left out.
	freed []store.Freed
	all   bool
	room  *events.IdsRoom
	// fits tells by count what the fold would propose.
	fits map[int64]bool
}

// look sees the fold. With a barrier it is as of now, and has what is free; without one it
// has what became free since the store was told.
func (g *granter) look(of *space, batch []*request, barrier bool) (v view, err error) {
	err = g.host.Read(g.ctx, barrier, func(core sharedlog.Core, at sharedlog.Position) {
		s := core.(*idspace.Core).Space(of.name)
		v = view{known: s != nil, granted: map[string]store.Range{}, fits: map[int64]bool{}}
		if s == nil {
			return
		}
		rules := s.Rules()
		v.space, v.maxCount = store.Space{Name: of.name, From: rules.From, To: rules.To, Next: s.Next(), At: at.Offset}, rules.MaxCount
		for _, r := range batch {
			if grant, ok := s.Grant(r.grant.RequestId); ok {
				v.granted[r.grant.RequestId] = store.Range{From: grant.From, To: grant.From + max(r.count, 1) - 1}
			}
			if barrier {
				_, _, code := s.Propose(r.count)
				v.fits[r.count] = code == ""
			}
		}
		if barrier {
			v.free, v.room = free(s), s.Room()
			v.room.Offset = at.Offset
			return
		}
		v.freed, v.all = freedSince(s, of.told)
	})
	return v, err
}

// freedSince are the ranges of a space that became free with the records from an offset on,
// and still are.
func freedSince(s *idspace.Space, offset int64) (out []store.Freed, all bool) {
	freed, all := s.FreedSince(offset)
	for _, f := range freed {
		for r := range s.Ranges(f.From) {
			if r.From > f.To {
				break
			}
			if r.State == idspace.Free {
				out = append(out, store.Freed{Range: store.Range{From: max(r.From, f.From), To: min(r.To, f.To)}, Offset: f.Offset})
			}
		}
	}
	return out, all
}

// free are the free ranges of a space that were granted before.
func free(s *idspace.Space) (out []store.Range) {
	for r := range s.Ranges(0) {
		if r.State == idspace.Free {
			out = append(out, store.Range{From: r.From, To: r.To})
		}
	}
	return out
}

// round proposes a batch and calls what was proposed. It returns what is to be tried
// again.
func (g *granter) round(s *space, batch []*request, note store.Batch) (again []*request) {
	v, err := g.look(s, batch, false)
	if err == nil && !v.known { // It may have been declared elsewhere a moment ago.
		v, err = g.look(s, batch, true)
	}
	if err != nil {
		g.finish(outcome{err: err}, batch...)
		return nil
	}
	if !v.known {
		g.finish(outcome{code: events.CodeUnknownSpace}, batch...)
		g.drop(s)
		return nil
	}
	note.Space, note.Freed, note.Since = v.space, v.freed, s.told
	if !v.all {
		g.fillBefore(s)
	}
	var wanting []*request
	var has []proposal
	for _, r := range batch {
		known, ok := v.granted[r.grant.RequestId]
		switch {
		case ok: // The fold says whether it is the same request.
			has = append(has, proposal{r, known})
		case r.count < 1 || r.count > v.maxCount:
			g.finish(outcome{code: events.CodeBadCount, most: v.maxCount}, r)
		default:
			wanting = append(wanting, r)
			note.Wants = append(note.Wants, store.Want{RequestID: r.grant.RequestId, Count: r.count})
		}
	}
	g.callEach(s, has, nil) // Together they would be refused.
	return g.propose(s, wanting, note)
}

// drop forgets a space that is not known, if nothing waits for it.
func (g *granter) drop(s *space) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if len(s.waiting) == 0 && g.spaces[s.name] == s {
		delete(g.spaces, s.name)
	}
}

// propose has the store propose ranges. What it has no room for is proposed once more
// when the store has been filled.
func (g *granter) propose(s *space, wanting []*request, note store.Batch) (again []*request) {
	if len(wanting)+len(note.Granted)+len(note.Refused) == 0 {
		return nil
	}
	ctx, span := g.traced(s.name, wanting)
	defer span.End()
	full, err := view{}, error(nil)
	filled := g.isStale(s)
	if filled {
		full, err = g.fill(ctx, s, wanting)
	}
	for err == nil {
		var out []store.Proposal
		if out, err = g.store.Propose(ctx, note); err == nil {
			failpoint.Hit(failpoint.RangeProposed)
			s.told = max(s.told, note.Space.At)
			note.Granted, note.Refused = nil, nil
			if wanting = g.calls(s, wanting, out); len(wanting) == 0 || filled {
				break
			}
			note.Wants = wants(wanting)
		} else if filled || !errors.Is(err, store.ErrUnknown) {
			break
		}
		filled = true
		if full, err = g.fill(ctx, s, wanting); err == nil {
			note.Space = full.space
		}
	}
	if err != nil {
		g.restore(s, note)
		g.metrics.storeFailed(err)
		g.try.Failed(err)
		select {
		case g.failed <- struct{}{}:
		default: // It is told already.
		}
		messaging.Fail(span, why(err), err.Error())
		return wanting
	}
	g.try.Passed()
	for _, r := range wanting {
		if full.fits[r.count] || !full.known { // Others hold room that they may not use; or the space is gone.
			again = append(again, r)
			continue
		}
		g.finish(outcome{code: events.CodeExhausted, room: full.room}, r)
	}
	return again
}

func wants(requests []*request) (out []store.Want) {
	for _, r := range requests {
		out = append(out, store.Want{RequestID: r.grant.RequestId, Count: r.count})
	}
	return out
}

// calls calls what was proposed, and returns the requests for which there is no room.
func (g *granter) calls(s *space, wanting []*request, proposals []store.Proposal) (rest []*request) {
	found := make([]proposal, 0, len(proposals))
	for i, p := range proposals {
		if p.Found {
			found = append(found, proposal{wanting[i], p.Range})
			continue
		}
		rest = append(rest, wanting[i])
	}
	g.call(s, found)
	return rest
}

// fill brings the store up to the fold.
func (g *granter) fill(ctx context.Context, s *space, batch []*request) (view, error) {
	v, err := g.look(s, batch, true)
	if err != nil || !v.known {
		return v, err
	}
	_, err = g.store.Fill(ctx, v.space, v.free)
	if err == nil {
		g.mu.Lock()
		s.stale = false
		g.mu.Unlock()
		s.told = v.space.At
	}
	return v, err
}

// fillBefore has the store filled before it proposes.
func (g *granter) fillBefore(s *space) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.stale = true
}

func (g *granter) isStale(s *space) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return s.stale
}

// restore keeps what a change of the store was to note.
func (g *granter) restore(s *space, note store.Batch) {
	g.mu.Lock()
	defer g.mu.Unlock()
	s.granted, s.refused = append(note.Granted, s.granted...), append(note.Refused, s.refused...)
	if len(s.granted)+len(s.refused) > maxNotes { // The reconciler finds them.
		s.granted, s.refused = nil, nil
	}
}

// maxNotes bounds what is noted while the store is away.
const maxNotes = 4096
