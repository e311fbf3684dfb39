package placement

import (
	"math/bits"

	"github.com/spanway/spanway/pkg/events"
)

// unblock makes candidates of the lanes that something was freed for.
func (m *matcher) unblock() {
	if !m.gains {
		return
	}
	m.gains = false
	for _, l := range m.laneList {
		if l.blocked && m.pick(l, m.freed) != nil {
			l.blocked = false
			m.laneChanged(l)
		}
	}
	m.freedReserved()
	clear(m.freed)
}

// pick is the next engine after the one that was given work last, which l may
// use, with l's needs free, and not reserved; only among those in within, unless
// that is nil. Of those with the highest score, if l has a preference.
func (m *matcher) pick(l *lane, within bitset) *engine {
	if l.tiers == nil {
		return m.pickOf(l, l.engines, within)
	}
	for i := range l.tiers {
		if e := m.pickOf(l, l.tiers[i].engines, within); e != nil {
			return e
		}
	}
	return nil
}

func (m *matcher) pickOf(l *lane, engines, within bitset) *engine {
	from := m.p.cursor + 1
	words := len(engines)
	if words == 0 {
		return nil
	}
	start := (from / 64) % words
	for k := 0; k <= words; k++ {
		w := (start + k) % words
		x := engines[w] & m.open.word(w) &^ m.held.word(w)
		if within != nil {
			x &= within.word(w)
		}
		for _, n := range l.shape.needs {
			if n.amount > 0 {
				x &= m.positiveWord(n.dim, w)
			}
		}
		if from/64 < words { // The first word is visited twice: its end first, its beginning last.
			if k == 0 {
				x &= ^uint64(0) << (from % 64)
			} else if k == words {
				x &^= ^uint64(0) << (from % 64)
			}
		}
		for ; x != 0; x &= x - 1 {
			if e := m.p.byIndex[w*64+bits.TrailingZeros64(x)]; l.shape.fits(e.room) {
				return e
			}
		}
	}
	return nil
}

func (m *matcher) positiveWord(dim int32, w int) uint64 {
	if int(dim) < len(m.positive) {
		return m.positive[dim].word(w)
	}
	return 0
}

// pickFor is pick for t, the first task of a line of l. With a preference, what is
// reserved counts, too, if t may use it: it comes last of those with its score.
func (m *matcher) pickFor(l *lane, t *task) *engine {
	if l.tiers == nil || len(m.p.reserved) == 0 {
		return m.pick(l, nil)
	}
	for i := range l.tiers {
		if e := m.pickOf(l, l.tiers[i].engines, nil); e != nil {
			return e
		}
		if e := m.pickReserved(l, l.tiers[i].engines, t); e != nil {
			return e
		}
	}
	return nil
}

// placeLanes assigns tasks of the candidates in order, up to the task `until`
// if it is not nil; false if the budget ended it.
func (m *matcher) placeLanes(c *cycle, until *task) bool {
	for {
		if !m.placeReserved(c) {
			return false
		}
		r := m.turn()
		if r == nil {
			return true
		}
		ln := r.next()
		if until != nil && !r.goesFirst(ln, until, &m.ranks[levelOf(until.tmpl.priority)]) {
			return true
		}
		if c.full() {
			return false
		}
		if e := m.pickFor(ln.row.lane, ln.head()); e != nil {
			c.assign(m.p, ln.head(), e, ln.groups[0].filter.scoreOf(e))
		} else {
			m.block(ln.row.lane, c.now.Now)
		}
	}
}

// assign gives t to e; score is nil without one.
func (c *cycle) assign(p *pool, t *task, e *engine, score *float64) {
	c.s.deciding = attempt{p, t}
	c.emit(&events.TaskAssigned{
		TaskId: t.id, Pool: string(p.name), EngineId: e.id, Incarnation: e.incarnation,
		Attempt: t.attempt(), Token: max(p.token, c.s.tokens) + 1, View: c.s.next, Score: score, AtMs: c.now.Now,
	})
}

// listSingle keeps g among the singles while it has tasks.
func (m *matcher) listSingle(g *group) {
	if g.live == 0 {
		g.scannedAt = 0
	}
	if !g.ready() {
		return
	}
	if !g.listed {
		g.listed = true
		m.singles = append(m.singles, g)
	}
	if g.scannedAt == 0 && !g.queued {
		g.queued = true
		m.fresh.push(g)
	}
}

// placeSingles scans groups whose predicate must be evaluated engine by engine:
// new ones first, then all in turn until each was scanned since the last change.
// False if the budget ended it.
func (m *matcher) placeSingles(c *cycle) bool {
	for m.fresh.len() > 0 {
		g := *m.fresh.front()
		if g.ready() && !m.scan(c, g) {
			return false
		}
		g.queued = false
		m.fresh.pop()
	}
	for m.settled < len(m.singles) {
		if c.steps <= 0 || c.scans <= 0 {
			return false
		}
		c.steps--
		if m.cursor >= len(m.singles) {
			m.dropEmptySingles()
			continue
		}
		g, before := m.singles[m.cursor], m.version
		if g.ready() && !m.scan(c, g) {
			return false
		}
		m.cursor++
		if m.version == before { // Else what it placed is news to itself, too.
			m.settled++
		}
	}
	return true
}

// dropEmptySingles begins the next round without the groups that are empty. How
// many of them counted as settled is not known, so all are taken off.
func (m *matcher) dropEmptySingles() {
	keep := m.singles[:0]
	for _, g := range m.singles {
		if g.ready() {
			keep = append(keep, g)
		} else {
			g.listed = false
			m.settled = max(m.settled-1, 0)
		}
	}
	clear(m.singles[len(keep):])
	m.singles, m.cursor = keep, 0
}

// scan assigns what it can of g to engines that changed since its last scan.
func (m *matcher) scan(c *cycle, g *group) bool {
	if g.scannedAt == m.version {
		return true
	}
	if c.evaluations <= 0 || c.full() {
		return false
	}
	left := c.evaluations
	defer func() { c.scans -= left - c.evaluations }()
	target := m.version
	clear(m.scratch)
	if g.filter.prefer != nil {
		return m.placeBest(c, g)
	}
	if !m.gather(c, g, g.scannedAt) {
		g.scannedAt = target
		return true
	}
	from := m.p.cursor + 1
	for g.ready() {
		i := m.scratch.next(from)
		if i < 0 {
			if i = m.scratch.next(0); i < 0 {
				g.scannedAt = target
				return true
			}
		}
		if c.full() {
			return false
		}
		e := m.p.byIndex[i]
		if !m.trySingle(c, g, e) {
			m.scratch.clear(i)
		}
		from = i + 1
	}
	return true
}

// gather adds to the scratch the engines that changed since and may be worthwhile
// for g, with all of their node if what runs there is read; false if there are none.
func (m *matcher) gather(c *cycle, g *group, since uint64) bool {
	found, nodes := false, g.filter.reads.Node()
	consider := func(e *engine) {
		c.steps--
		if m.worthwhile(g, e) {
			m.scratch.set(e.index)
			found = true
		}
	}
	m.p.scans++
	for e := m.newest; e != nil && e.version > since; e = e.older {
		if !nodes || e.node == nil {
			consider(e)
			continue
		}
		if e.node.scan != m.p.scans {
			e.node.scan = m.p.scans
			for _, mate := range e.node.engines {
				consider(mate)
			}
		}
	}
	return found
}

// qualifies tells whether e accepts f's tasks, and their predicate is true.
func (m *matcher) qualifies(c *cycle, f *filter, e *engine) bool {
	i := e.class.index
	if !f.judged.has(i) {
		f.judged.set(i)
		if m.admits(c, f, e.class) {
			f.classes.set(i)
		}
	}
	return f.classes.has(i) && (!f.predicate.Reads().Single() || m.evaluate(c, f, e.class, e))
}

// worthwhile tells whether e could take a task of g if the predicate were true.
func (m *matcher) worthwhile(g *group, e *engine) bool {
	if e.status != ready || !g.ready() || !g.shape.fits(e.room) || !e.takes(g.first) {
		return false
	}
	_, ok := e.class.kinds[g.filter.task.kind]
	return ok
}

// trySingle gives the first task of g to e if its predicate is true, after the
// tasks that go before it had their turn.
func (m *matcher) trySingle(c *cycle, g *group, e *engine) bool {
	if !m.worthwhile(g, e) || !m.qualifies(c, g.filter, e) {
		return false
	}
	before := m.version
	if !m.placeLanes(c, g.first) || c.full() {
		return true // No budget; e is seen again.
	}
	if m.version != before && (!m.worthwhile(g, e) || !m.qualifies(c, g.filter, e)) {
		return false
	}
	c.assign(m.p, m.fairest(c, g, e).first, e, nil)
	return true
}
