package spaces

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// contents are those of a log: by the rule if all of it is there.
type contents struct {
	judge *Partition
	rule  interface {
		Decide(at int64, m proto.Message) events.Code
		Pass(now, at int64)
	}
}

// Within implements calls.Contents.
func (c *contents) Within() bool {
	c.rule = &partial{judge: c.judge, spaces: map[string]*told{}}
	return true
}

// Decide implements calls.Contents.

func (c *contents) Decide(_ [16]byte, at int64, m proto.Message) events.Code {
	return c.rule.Decide(at, m)
}

// Decided implements calls.Contents. The rule notes the verdicts on what it decides; that
// a call is too late it is not told.
func (c *contents) Decided(_ [16]byte, at int64, code events.Code) {
	if _, whole := c.rule.(*world); whole && code == events.CodeTooLate {
		c.judge.decided(at, code)
	}
}

// Pass implements calls.Contents.
func (c *contents) Pass(now, at int64) { c.rule.Pass(now, at) }

// partial is what requesters were told by a log whose beginning was deleted. Which calls
// were accepted is not known; two answers about what the log holds must not overlap, if
// nothing between them can have ended the first.
type partial struct {
	judge  *Partition
	spaces map[string]*told
	leases []lease
	now    int64
}

// told is what of a space.
type told struct {
	space
	// asked are the proposals that stand in the log, by request ID: of one that was told
	// only that, as long as it is live.
	asked map[string][]*ask
}

type lease struct {
	ends int64 // in the time of the log; before it has begun, how long it is
	runs bool
	ask  *ask
}

func (p *partial) of(name string) *told {
	if p.spaces[name] == nil {
		p.spaces[name] = &told{space: space{name: name}, asked: map[string][]*ask{}}
	}
	return p.spaces[name]
}

// Decide implements calls.Contents.
func (p *partial) Decide(at int64, m proto.Message) events.Code {
	switch m := m.(type) {
	case *events.IdsRangeGranted:
		p.propose(m, at)
	case *events.IdsRangesGranted:
		for _, g := range m.Grants {
			g.Space = m.Space
			p.propose(g, at)
		}
	case *events.IdsRangeReleased:
		for _, a := range p.of(m.Space).asked[m.RequestId] {
			p.end(a)
		}
	case *events.IdsGrantRenewed:
		for _, a := range p.of(m.Space).asked[m.RequestId] {
			p.lease(a, m.LeaseMs) // Which of its leases is the last is not known: one that ends ends it.
		}
	case *events.IdsSpaceDeleted:
		delete(p.spaces, m.Space)
	case *events.IdsAnswered:
		p.answered(m, at)
	case *events.IdsRangesAnswered:
		for a := range m.Each() {
			p.answered(a, at)
		}
	}
	return ""
}

func (p *partial) propose(m *events.IdsRangeGranted, at int64) {
	if m.From < 0 || m.From > m.To || m.To > lastIdentifier {
		return
	}
	s := p.of(m.Space)
	asked := slices.DeleteFunc(s.asked[m.RequestId], func(a *ask) bool { return a.leases > 0 && a.live == 0 }) // It is over.
	if len(asked) == 0 || asked[0].live == 0 {
		asked = append(asked, &ask{space: &s.space, id: m.RequestId, owner: m.Owner, from: m.From, to: m.To, lease: m.LeaseMs, at: at})
	}
	s.asked[m.RequestId] = asked
}

// answered takes what a requester was told as granted, once.
func (p *partial) answered(m *events.IdsAnswered, at int64) {
	p.judge.report.Answers++
	if m.Granted == nil {
		return
	}
	s := p.of(m.Space)
	i := slices.IndexFunc(s.asked[m.RequestId], func(a *ask) bool {
		return a.leases == 0 && a.at == m.Offset && a.from == m.Granted.From && a.to == m.Granted.To
	})
	if i < 0 {
		return // Its grant stands in what was deleted, or it was told before.
	}
	a := s.asked[m.RequestId][i]
	s.asked[m.RequestId] = []*ask{a}
	a.leases++
	if h := s.conflict(a.from, a.to); h != nil {
		p.judge.Find("G9", at, "a requester was told of [%d, %d] of %q as granted to %q; [%d, %d] is granted to %q since %d",
			a.from, a.to, m.Space, a.id, h.from, h.to, h.of.id, h.of.at)
		return
	}
	p.judge.report.Grants++
	s.add(&hold{from: a.from, to: a.to, of: a, since: a.at})
	p.lease(a, a.lease)
}

func (p *partial) lease(a *ask, ms int64) {
	if ms > 0 {
		p.leases = append(p.leases, lease{ends: ms, ask: a})
	}
}

// end takes out what a request ID holds: all of it, because what exactly ended is not known.
func (p *partial) end(a *ask) {
	for _, h := range a.space.of(a, a.from, a.to) {
		a.space.remove(h)
	}
	a.leases++
}

// Pass implements calls.Contents.
func (p *partial) Pass(now, _ int64) {
	p.now = now
	kept := p.leases[:0]
	for _, l := range p.leases {
		if !l.runs {
			l.runs, l.ends = true, now+l.ends
		}
		if l.ends > now {
			kept = append(kept, l)
			continue
		}
		p.end(l.ask)
	}
	p.leases = kept
}
