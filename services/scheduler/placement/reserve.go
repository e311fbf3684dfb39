package placement

import (
	"math/bits"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// A task that is larger than what becomes free between others would wait for
// ever behind a stream of smaller ones. So an engine is reserved for the first
// task of a lane that was blocked for the pool's reserve_after: it takes only what
// goes before that task in order, until that task is assigned or ends.

// takes tells whether t may be assigned to e as far as reservations go.
func (e *engine) takes(t *task) bool {
	return e.reservedFor == nil || e.reservedFor == t || t.before(e.reservedFor)
}

func (s *State) applyReserved(m *events.TaskReserved) {
	p, t := s.live(m.Pool, m.TaskId)
	if t == nil || t.status != waiting || s.version < foldWhole {
		return
	}
	e := p.engines[m.EngineId]
	if e == nil || e.status != ready || e.incarnation != m.Incarnation {
		return
	}
	p.unreserve(t)
	p.unhold(e)
	e.reservedFor, e.reservedAt = t, moment(m.AtMs)
	i, _ := slices.BinarySearchFunc(p.reserved, e.index, func(o *engine, at int) int { return o.index - at })
	p.reserved = slices.Insert(p.reserved, i, e)
	if p.match != nil {
		p.match.held.set(e.index)
		p.match.changed(e)
	}
}

// reservedBy is the engine that is reserved for t, or nil.
func (p *pool) reservedBy(t *task) *engine {
	for _, e := range p.reserved {
		if e.reservedFor == t {
			return e
		}
	}
	return nil
}

// unreserve ends the reservation for t, if there is one.
func (p *pool) unreserve(t *task) {
	if e := p.reservedBy(t); e != nil {
		p.unhold(e)
	}
}

// unhold ends the reservation of e, if there is one.
func (p *pool) unhold(e *engine) {
	if e.reservedFor == nil {
		return
	}
	e.reservedFor, e.reservedAt = nil, 0
	p.reserved = slices.DeleteFunc(p.reserved, func(o *engine) bool { return o == e })
	if p.match != nil {
		p.match.held.clear(e.index)
		p.match.gained(e)
	}
}

func stuckLanes() tree[*lane] {
	return tree[*lane]{
		less: func(a, b *lane) bool {
			if a.since != b.since {
				return a.since < b.since
			}
			return a.key < b.key
		},
		at: func(l *lane) *int { return &l.atStuck },
	}
}

// patient begins to measure how long l is blocked.
func (m *matcher) patient(l *lane, now int64) {
	l.since, l.checked = now, 0
	m.stuck.keep(l, true)
}

// first is the first task of l in order that may be placed, or nil.
func (l *lane) first() *task {
	var first *task
	for _, r := range l.rows {
		if r != nil && len(r.aged.items) > 0 && (first == nil || r.oldest().before(first)) {
			first = r.oldest()
		}
	}
	return first
}

// reserve reserves engines for the lanes that were blocked for long enough;
// false if a budget ended it.
func (c *cycle) reserve(p *pool) bool {
	m, after := p.match, p.reserveAfter()
	if after < 0 || c.s.version < foldWhole {
		return true
	}
	for len(m.stuck.items) > 0 && m.stuck.items[0].since+after <= c.now.Now {
		if len(p.reserved) >= m.mostReserved() {
			return true // Those that are due go on as soon as one of them ends.
		}
		if c.full() {
			return false
		}
		c.reserveFor(p, m.stuck.items[0])
	}
	return true
}

// mostReserved is a quarter of the ready engines, but at least one.
func (m *matcher) mostReserved() int {
	n := 0
	for _, w := range m.open {
		n += bits.OnesCount64(w)
	}
	return max(n/4, 1)
}

func (c *cycle) reserveFor(p *pool, l *lane) {
	m, t := p.match, l.first()
	switch {
	case t == nil || !l.blocked:
		m.stuck.keep(l, false)
		if l.blocked { // Whoever comes next is looked at, and blocks it anew.
			l.blocked = false
			m.laneChanged(l)
		}
		return
	case t.waitsSince() > l.since:
		m.patient(l, t.waitsSince())
		return
	case m.version == l.checked || p.reservedBy(t) != nil:
		m.patient(l, c.now.Now)
		l.checked = m.version
		return
	}
	e := m.toReserve(l)
	m.patient(l, c.now.Now)
	l.checked = m.version
	if e != nil {
		c.s.deciding = attempt{p, t}
		c.emit(&events.TaskReserved{
			TaskId: t.id, Pool: string(p.name), EngineId: e.id, Incarnation: e.incarnation, AtMs: c.now.Now,
		})
	}
}

// toReserve is the engine that lacks least for a task of l, of those that could
// hold it when empty and on which something smaller runs: where nothing does, the
// task is next anyway when something ends. Nil if there is none.
func (m *matcher) toReserve(l *lane) *engine {
	var best *engine
	least := 0.0
	for w := range l.engines {
		for x := l.engines[w] & m.open.word(w) &^ m.held.word(w); x != 0; x &= x - 1 {
			e := m.p.byIndex[w*64+bits.TrailingZeros64(x)]
			if !l.shape.fits(e.allocatable) || !e.runsSmaller(l.shape) {
				continue
			}
			if lack := l.shape.lack(e.room); best == nil || lack < least {
				best, least = e, lack
			}
		}
	}
	return best
}

// runsSmaller tells whether something on e leaves less room when it ends than s needs.
func (e *engine) runsSmaller(s *shape) bool {
	for t := e.first; t != nil; t = t.attemptNext {
		if t.tmpl.shape != s && !t.tmpl.shape.covers(s) {
			return true
		}
	}
	return false
}

// covers tells whether s needs at least what o does.
func (s *shape) covers(o *shape) bool {
	for _, n := range o.needs {
		if n.amount > s.amount(n.dim) {
			return false
		}
	}
	return true
}

func (s *shape) amount(dim int32) int64 {
	for _, n := range s.needs {
		if n.dim == dim {
			return n.amount
		}
	}
	return 0
}

// lack measures how much of s is missing in free.
func (s *shape) lack(free []int64) float64 {
	lack := 0.0
	for _, n := range s.needs {
		has := int64(0)
		if int(n.dim) < len(free) {
			has = max(free[n.dim], 0)
		}
		if n.amount > has {
			lack += 1 + float64(n.amount-has)/float64(n.amount)
		}
	}
	return lack
}

// pickReserved is a reserved one of engines that t, the first of a line of l, may use.
func (m *matcher) pickReserved(l *lane, engines bitset, t *task) *engine {
	for _, e := range m.p.reserved {
		if engines.has(e.index) && m.open.has(e.index) && l.shape.fits(e.room) && e.takes(t) {
			return e
		}
	}
	return nil
}

// mayUseReserved notes a line if its first task fits on a reserved engine, and
// nowhere else.
func (m *matcher) mayUseReserved(ln *line) {
	if len(m.p.reserved) == 0 || len(ln.groups) == 0 || !ln.row.lane.blocked {
		return
	}
	if !ln.eager && m.pickReserved(ln.row.lane, ln.row.lane.engines, ln.head()) != nil {
		ln.eager = true
		m.eager = append(m.eager, ln)
	}
}

func (m *matcher) laneMayUseReserved(l *lane) {
	if len(m.p.reserved) == 0 {
		return
	}
	for _, r := range l.rows {
		if r == nil {
			continue
		}
		for _, ln := range r.aged.items {
			m.mayUseReserved(ln)
		}
	}
}

// freedReserved looks who may use what was freed on reserved engines.
func (m *matcher) freedReserved() {
	for w := range m.freed {
		if m.freed[w]&m.held.word(w) == 0 {
			continue
		}
		for _, l := range m.laneList {
			m.laneMayUseReserved(l)
		}
		return
	}
}

// placeReserved assigns to reserved engines what goes before the tasks that they
// are reserved for, and those; false if the budget ended it. An engine that is not
// reserved any more may have room left: what that is news to is a candidate at once.
func (m *matcher) placeReserved(c *cycle) bool {
	for m.unblock(); len(m.eager) > 0; m.unblock() {
		if c.full() {
			return false
		}
		m.eager = slices.DeleteFunc(m.eager, func(ln *line) bool {
			ln.eager = len(ln.groups) > 0 && m.pickReserved(ln.row.lane, ln.row.lane.engines, ln.head()) != nil
			return !ln.eager
		})
		var next *line
		for _, ln := range m.eager {
			if next == nil || ln.head().before(next.head()) {
				next = ln
			}
		}
		if next != nil {
			l := next.row.lane
			e := m.pickReserved(l, l.engines, next.head())
			if l.tiers != nil {
				e = m.pickFor(l, next.head())
			}
			c.assign(m.p, next.head(), e, next.groups[0].filter.scoreOf(e))
		}
	}
	return true
}

// passed has a group that is scanned looked at again everywhere if a task came to
// its head that may use reserved engines which the one before it could not.
func (m *matcher) passed(g *group, head *task) {
	if len(m.p.reserved) > 0 && g.first != nil && head != nil && head.before(g.first) {
		g.scannedAt, m.settled, m.scoredFor = 0, 0, nil
	}
}
