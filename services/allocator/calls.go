package allocator

import (
	"cmp"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/store"
)

// proposal is a request with the range that was proposed for it, or which it has.
type proposal struct {
	*request
	at store.Range
}

// call appends the grants of proposed ranges, many together, in the order of their identifiers. A
// request that came twice has its range twice: the second one stands alone, and finds the
// grant of the first.
func (g *granter) call(s *space, all []proposal) {
	slices.SortStableFunc(all, func(a, b proposal) int { return cmp.Compare(a.at.From, b.at.From) })
	among, above := make([]proposal, 0, len(all)), int64(-1)
	var alone []proposal
	for _, p := range all {
		if p.at.From <= above {
			alone = append(alone, p)
			continue
		}
		among, above = append(among, p), p.at.To
	}
	if len(among) == 1 {
		alone, among = append(among, alone...), nil
	}
	g.callEach(s, alone, among)
}

// maxGrants is how many grants one record has: so many fit it, whatever their names are.
const maxGrants = events.MaxTogether / 2

// callEach calls grants: some that stand alone, and some that stand together.
func (g *granter) callEach(s *space, alone, among []proposal) {
	if len(alone)+len(among) == 0 {
		return
	}
	atMs := g.now().UnixMilli()
	making := make([]sharedlog.Making, 0, 1+len(alone))
	for part := range slices.Chunk(among, maxGrants) {
		m := &events.IdsRangesGranted{Space: s.name, AtMs: atMs, Grants: make([]*events.IdsRangeGranted, len(part))}
		for i, p := range part {
			p.grant.Space, p.grant.From, p.grant.To, p.grant.AtMs = "", p.at.From, p.at.To, 0
			m.Grants[i] = p.grant
		}
		making = append(making, sharedlog.Making{Within: g.ctx, Message: m, Done: func(core sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict, err error) {
			g.decidedAll(s, part, core, v, err)
		}})
	}
	for _, p := range alone {
		p.grant.Space, p.grant.From, p.grant.To, p.grant.AtMs = s.name, p.at.From, p.at.To, atMs
		making = append(making, sharedlog.Making{Within: g.ctx, Message: p.grant, Done: func(core sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict, err error) {
			g.decided(s, p.request, core, v, err)
		}})
	}
	g.host.StartAll(g.ctx, making)
}

// decidedAll takes the verdict on grants that stood together. Where one of them is refused
// none is granted: then each is called alone, in a call of its own, and gets its own verdict.
func (g *granter) decidedAll(s *space, all []proposal, core sharedlog.Core, v sharedlog.Verdict, err error) {
	if err == nil && !v.Accepted() {
		g.running.Go(func() { // The host must not wait for itself.
			for _, p := range all {
				p.request.grant = proto.CloneOf(p.grant) // What the host was given stays as it is.
			}
			g.callEach(s, all, nil)
		})
		return
	}
	for _, p := range all {
		g.decided(s, p.request, core, v, err)
	}
}
