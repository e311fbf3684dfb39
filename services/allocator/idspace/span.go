package idspace

// State is what a range is.
type State uint8

// The states of a range.
const (
	// Free can be granted.
	Free State = iota
	// Live is held.
	Live
	// Resting was held, and is in quarantine.
	Resting
)

// String is the word for it.
func (s State) String() string { return [...]string{"free", "live", "resting"}[min(s, Resting)] }

// span is a contiguous range of one state.
type span struct {
	from, to int64
	state    State
	// granted is how often it, or a part of it, was granted.
	granted int64
	grant   *grant // of Live and Resting
	since   int64  // the offset at which it began to rest
	rest    timer
}

func (p *span) count() int64 { return p.to - p.from + 1 }

// fits is its key among the free ones: the shortest first.
func (p *span) fits() key { return key{p.count(), p.from} }

// put takes in a span where none is.
func (s *Space) put(p *span) {
	s.spans.add(key{major: p.from}, p)
	switch n := p.count(); p.state {
	case Free:
		s.free.add(p.fits(), p)
	case Live:
		s.live += n
		p.grant.live += n
	case Resting:
		s.resting += n
		p.grant.resting += n
	}
}

// cut takes out a span.
func (s *Space) cut(p *span) {
	s.spans.remove(key{major: p.from})
	switch n := p.count(); p.state {
	case Free:
		s.free.remove(p.fits())
	case Live:
		s.live -= n
		p.grant.live -= n
	case Resting:
		s.resting -= n
		p.grant.resting -= n
	}
}

// holding returns the span that an identifier below next is in.
func (s *Space) holding(id int64) *span { return s.spans.below(key{major: id, minor: 1}) }

// putFree makes a range free that has no span, in one with its free neighbours, as the
// record at an offset says.
func (s *Space) putFree(from, to, granted, offset int64) {
	s.freed.add(from, to, offset)
	if left := s.spans.below(key{major: from}); left != nil && left.state == Free && left.to == from-1 {
		s.cut(left)
		from, granted = left.from, max(granted, left.granted)
	}
	if right := s.spans.from(key{major: from}); right != nil && right.state == Free && right.from == to+1 {
		s.cut(right)
		to, granted = right.to, max(granted, right.granted)
	}
	s.put(&span{from: from, to: to, granted: granted})
}

// isFree tells whether a range within the bounds can be granted, and how often it or a
// part of it was. Free neighbours are one span, so it is in one, or reaches out of it into
// what was never used.
func (s *Space) isFree(from, to int64) (granted int64, ok bool) {
	if from >= s.next {
		return 0, true
	}
	p := s.holding(from)
	return p.granted, p.state == Free && (to <= p.to || p.to == s.next-1)
}

// take puts a live span in the place of what is free.
func (s *Space) take(p *span) {
	switch {
	case p.from > s.next:
		s.putFree(s.next, p.from-1, 0, p.grant.offset)
	case p.from < s.next:
		was := s.holding(p.from)
		s.cut(was)
		if was.from < p.from {
			s.put(&span{from: was.from, to: p.from - 1, granted: was.granted})
		}
		if was.to > p.to {
			s.put(&span{from: p.to + 1, to: was.to, granted: was.granted})
		}
	}
	s.next = max(s.next, p.to+1)
	s.put(p)
}

// giveBack ends the hold on a part of a live span: it rests, or is free at once where
// there is no quarantine.
func (c *Core) giveBack(p *span, from, to, offset int64) {
	s := p.grant.space
	s.cut(p)
	for _, left := range [...][2]int64{{p.from, from - 1}, {to + 1, p.to}} {
		if left[0] <= left[1] {
			s.put(&span{from: left[0], to: left[1], state: Live, granted: p.granted, grant: p.grant})
		}
	}
	if s.rules.QuarantineMs == 0 {
		s.putFree(from, to, p.granted, offset)
		return
	}
	r := &span{from: from, to: to, state: Resting, granted: p.granted, grant: p.grant, since: offset}
	r.rest = timer{space: s, rest: r}
	s.put(r)
	c.start(&r.rest, s.rules.QuarantineMs)
}

// rested ends the quarantine of a span, as the record at an offset says.
func (c *Core) rested(p *span, offset int64) {
	s := p.grant.space
	s.cut(p)
	s.putFree(p.from, p.to, p.granted, offset)
	s.usage.taken(s.live + s.resting)
	c.settle(p.grant)
	c.drop(s)
}
