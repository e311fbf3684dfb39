package idspace

import (
	"iter"

	"github.com/spanway/spanway/pkg/events"
)

// Grant is a grant that is remembered.
type Grant struct {
	Space, RequestID, Owner string
	// From and To are the first and the last identifier, as it was granted.
	From, To int64
	// LeaseMs is as it was asked for; 0: until it is released.
	LeaseMs int64
	// Reserved: it was asked for by its identifiers.
	Reserved bool
	// Generation is how often the range, or a part of it, was granted before.
	Generation int64
	// Offset is that of the record that granted it; Ended of the one that ended it, -1
	// if a part of it is live.
	Offset, Ended int64
	// Live and Resting are how many of its identifiers are.
	Live, Resting int64
	// Ends is when its lease does, in the time of the log, as far as that is known: 0 if
	// there is no lease, or if it begins with the next move of the time: then Lease is how
	// long it is.
	Ends, Lease int64
}

// Granted is the grant as it is answered: the same for as long as it is live, but for what
// of it was released.
func (g *Grant) Granted() *events.IdsRangeGranted {
	return &events.IdsRangeGranted{
		Space: g.Space, RequestId: g.RequestID, Owner: g.Owner, From: g.From, To: g.To,
		LeaseMs: g.LeaseMs, Reserved: g.Reserved, Generation: g.Generation, Released: g.To - g.From + 1 - g.Live,
	}
}

// ends is when a timer ends that runs, or how long one is that begins with the next move of
// the time.
func (t *timer) ends() (at, length int64) {
	switch {
	case t.index == 0:
		return 0, 0
	case t.begun:
		return t.at, 0
	}
	return 0, t.at
}

func (g *grant) view() Grant {
	v := Grant{
		Space: g.space.rules.Name, RequestID: g.id, Owner: g.owner, From: g.from, To: g.to, LeaseMs: g.leaseMs,
		Reserved: g.reserved, Generation: g.generation, Offset: g.offset, Ended: g.ended, Live: g.live, Resting: g.resting,
	}
	v.Ends, v.Lease = g.lease.ends()
	return v
}

// Range is a contiguous range of one state.
type Range struct {
	From, To int64
	State    State
	// Granted is how often it, or a part of it, was granted.
	Granted int64
	// Grant is what holds it, or held it last if it rests.
	Grant *Grant
	// Since is the offset of the record by which it is live or began to rest.
	Since int64
	// Until is when its lease or its rest ends, in the time of the log; 0 if neither does,
	// or if it begins with the next move of the time: then Lasts is how long it is.
	Until, Lasts int64
}

func (p *span) view() Range {
	r := Range{From: p.from, To: p.to, State: p.state, Granted: p.granted}
	if p.grant == nil {
		return r
	}
	g := p.grant.view()
	r.Grant = &g
	if p.state == Live {
		r.Since, r.Until, r.Lasts = g.Offset, g.Ends, g.Lease
		return r
	}
	r.Since = p.since
	r.Until, r.Lasts = p.rest.ends()
	return r
}

// Rules returns the rules of the space.
func (s *Space) Rules() Rules { return s.rules }

// Since is the offset at which it was declared.
func (s *Space) Since() int64 { return s.since }

// Next is the first identifier behind all that was ever granted.
func (s *Space) Next() int64 { return s.next }

// Grants is how many grants hold a part of the space or rest, and how many have ended and
// are remembered.
func (s *Space) Grants() (open, ended int) { return len(s.grants) - len(s.ended), len(s.ended) }

// Grant finds a grant by its request ID.
func (s *Space) Grant(requestID string) (Grant, bool) {
	g := s.grants[requestID]
	if g == nil {
		return Grant{}, false
	}
	return g.view(), true
}

// At returns the range that an identifier is in; ok is false if it is out of bounds. What
// was never used is one range up to the end of the space.
func (s *Space) At(id int64) (r Range, ok bool) {
	switch {
	case id < s.rules.From || id > s.rules.To:
		return Range{}, false
	case id >= s.next:
		return Range{From: s.next, To: s.rules.To}, true
	}
	return s.holding(id).view(), true
}

// Ranges gives the ranges that end at an identifier or behind it, in order, up to Next.
func (s *Space) Ranges(from int64) iter.Seq[Range] {
	return func(yield func(Range) bool) {
		first := s.spans.below(key{major: from, minor: 1})
		if first == nil || first.to < from {
			first = &span{from: from}
		}
		for p := range s.spans.all(key{major: first.from}) {
			if !yield(p.view()) {
				return
			}
		}
	}
}
