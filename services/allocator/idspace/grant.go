package idspace

import (
	"github.com/spanway/spanway/pkg/events"
)

// grant is a grant for as long as it is remembered.
type grant struct {
	space         *Space
	id, owner     string
	from, to      int64 // as it was granted
	leaseMs       int64 // as it was asked for; 0: until it is released
	reserved      bool
	generation    int64 // how often its range, or a part of it, was granted before
	offset, ended int64 // of the records; ended is -1 while a part is live
	live, resting int64 // identifiers
	lease         timer
}

// grant decides on a grant: the rule of package idspace.
func (c *Core) grant(m *events.IdsRangeGranted, offset int64) events.Code {
	s := c.Space(m.Space)
	if s == nil {
		return events.CodeUnknownSpace
	}
	if code := s.refusal(m); code != "" {
		return code
	}
	c.accept(s, m, offset)
	s.usage.at(m.AtMs, s.live+s.resting)
	return ""
}

// grantAll decides on grants that stand together: all of them, or none. The code is that of
// the first one that would be refused alone.
func (c *Core) grantAll(m *events.IdsRangesGranted, offset int64) events.Code {
	s := c.Space(m.Space)
	switch {
	case s == nil:
		return events.CodeUnknownSpace
	case !apart(m.Grants):
		return events.CodeBadData
	}
	// They are disjoint and of different request IDs: what is said of one is so behind the
	// others, too.
	for _, one := range m.Grants {
		if code := s.refusal(one); code != "" {
			return code
		}
	}
	for _, one := range m.Grants {
		c.accept(s, one, offset)
	}
	s.usage.at(m.AtMs, s.live+s.resting)
	return ""
}

// apart tells whether there are grants, not too many, by their identifiers, none of which
// overlaps another or has its request ID.
func apart(grants []*events.IdsRangeGranted) bool {
	if len(grants) == 0 || len(grants) > events.MaxTogether {
		return false
	}
	ids := make(map[string]struct{}, len(grants))
	above := int64(-1)
	for _, g := range grants {
		if g == nil || g.From <= above || g.From > g.To {
			return false
		}
		above, ids[g.RequestId] = g.To, struct{}{}
	}
	return len(ids) == len(grants)
}

// refusal is why a grant would be refused now; empty if it would not be.
func (s *Space) refusal(m *events.IdsRangeGranted) events.Code {
	if events.CheckID("the request ID", m.RequestId) != nil || events.CheckOptionalID("the owner", m.Owner) != nil ||
		m.LeaseMs < 0 || m.LeaseMs > MaxMs || m.From < 0 || m.From > m.To {
		return events.CodeBadData
	}
	if g := s.grants[m.RequestId]; g != nil {
		return g.again(m)
	}
	// The first to compare are the bounds, so that no difference overflows.
	if m.From < s.rules.From || m.To > s.rules.To {
		return events.CodeOutOfBounds
	}
	if m.To-m.From >= s.rules.MaxCount {
		return events.CodeBadCount
	}
	if _, ok := s.isFree(m.From, m.To); !ok && disjoint {
		return events.CodeRangeTaken
	}
	return ""
}

// accept takes in a grant that is not refused.
func (c *Core) accept(s *Space, m *events.IdsRangeGranted, offset int64) {
	granted, _ := s.isFree(m.From, m.To)
	g := &grant{
		space: s, id: m.RequestId, owner: m.Owner, from: m.From, to: m.To, leaseMs: m.LeaseMs,
		reserved: m.Reserved, generation: granted, offset: offset, ended: -1,
	}
	s.grants[g.id] = g
	s.take(&span{from: g.from, to: g.to, state: Live, granted: granted + 1, grant: g})
	c.lease(g, m.LeaseMs)
}

// again refuses a grant whose request ID has one: the code tells whether it was asked for
// in the same way, and whether anything of it is live. Where Redis proposed to put it is no
// part of that.
func (g *grant) again(m *events.IdsRangeGranted) events.Code {
	same := g.owner == m.Owner && g.leaseMs == m.LeaseMs && g.reserved == m.Reserved && g.to-g.from == m.To-m.From
	if !same || g.reserved && g.from != m.From {
		return events.CodeRequestMismatch
	}
	if g.live == 0 { // Others may hold its range by now.
		return events.CodeGrantEnded
	}
	return events.CodeAlreadyGranted
}

// lease has a lease begin anew, or none.
func (c *Core) lease(g *grant, ms int64) {
	c.stop(&g.lease)
	g.lease = timer{space: g.space, grant: g}
	if ms > 0 {
		c.start(&g.lease, ms)
	}
}

// held finds a grant for what only its owner may do.
func (c *Core) held(space, id, owner string, force bool) (*grant, events.Code) {
	s := c.Space(space)
	if s == nil {
		return nil, events.CodeUnknownSpace
	}
	switch g := s.grants[id]; {
	case g == nil:
		return nil, events.CodeUnknownGrant
	case g.owner != owner && !force:
		return nil, events.CodeNotOwner
	case g.live == 0:
		return nil, events.CodeGrantEnded
	default:
		return g, ""
	}
}

func (c *Core) renew(m *events.IdsGrantRenewed) events.Code {
	g, code := c.held(m.Space, m.RequestId, m.Owner, false)
	switch {
	case code != "":
		return code
	case m.LeaseMs < 0, m.LeaseMs > MaxMs:
		return events.CodeBadData
	}
	c.lease(g, m.LeaseMs)
	return ""
}

func (c *Core) release(m *events.IdsRangeReleased, offset int64) events.Code {
	g, code := c.held(m.Space, m.RequestId, m.Owner, m.Force)
	switch {
	case code != "":
		return code
	case m.Whole && (m.From != 0 || m.To != 0), !m.Whole && m.From > m.To:
		return events.CodeBadData
	case m.Whole:
		c.endGrant(g, offset)
		g.space.usage.at(m.AtMs, g.space.live+g.space.resting)
		return ""
	case m.From < g.from || m.To > g.to:
		return events.CodeOutOfBounds
	}
	p := g.space.holding(m.From)
	if p.state != Live || p.grant != g || m.To > p.to {
		return events.CodeGrantEnded
	}
	c.giveBack(p, m.From, m.To, offset)
	c.settleAt(g, offset)
	g.space.usage.at(m.AtMs, g.space.live+g.space.resting)
	return ""
}

// endGrant gives all of a grant back.
func (c *Core) endGrant(g *grant, offset int64) {
	var pieces []*span
	for p := range g.space.spans.all(key{major: g.from}) {
		if p.from > g.to {
			break
		}
		if p.state == Live && p.grant == g {
			pieces = append(pieces, p)
		}
	}
	for _, p := range pieces {
		c.giveBack(p, p.from, p.to, offset)
	}
	g.space.usage.taken(g.space.live + g.space.resting)
	c.settleAt(g, offset)
}

// settleAt notes that a grant ended with a record, if it did.
func (c *Core) settleAt(g *grant, offset int64) {
	if g.live == 0 {
		g.ended = offset
		c.stop(&g.lease)
		c.settle(g)
	}
}

// settle remembers a grant of which nothing is live or rests among the ended ones, and
// forgets the oldest of those if they are too many.
func (c *Core) settle(g *grant) {
	if g.live > 0 || g.resting > 0 {
		return
	}
	s := g.space
	s.ended = append(s.ended, g)
	for len(s.ended) > c.maxEnded {
		delete(s.grants, s.ended[0].id)
		s.ended[0] = nil
		s.ended = s.ended[1:]
	}
}
