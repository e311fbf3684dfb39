package placement

import (
	"container/heap"
	"encoding/binary"

	"github.com/spanway/spanway/pkg/predicate"
)

type groupKey struct {
	filter   *filter
	shape    *shape
	priority int32
	share    *share
	limiter  *limiter // nil: none
	limit    int32
}

// group is tasks that no engine can tell apart, in order.
type group struct {
	groupKey
	queue taskQueue
	live  int
	// first is the head, kept while heaps depend on it.
	first *task
	line  *line
	pos   int
	// parked: as many run as its limit allows.
	parked    bool
	limiterAt int

	// single: to be scanned engine by engine; see scan.
	single    bool
	listed    bool
	queued    bool
	scannedAt uint64
	idle      bool
	gone      bool
}

// lane is groups of equal needs whose predicates are true of the same classes,
// and whose preferences give those the same scores, by priority and tenant.
type lane struct {
	key     string
	shape   *shape
	classes bitset
	engines bitset
	// tiers are the engines by score, the highest first; nil without a preference.
	tiers []tier
	rows  [levels]*row
	// members counts groups, empty ones too.
	members int
	blocked bool
	index   int
	// since when it is blocked, or was last looked at for a reservation, at that
	// version of the matcher.
	since   int64
	checked uint64
	atStuck int
}

// maxIdleGroups bounds the empty groups kept for their next task.
const maxIdleGroups = 1024

func (m *matcher) groupFor(t *task) *group {
	if g := t.tmpl.group; g != nil && !g.gone {
		return g
	}
	f := m.filterFor(t)
	key := groupKey{f, t.tmpl.shape, t.tmpl.priority, t.tmpl.share, t.tmpl.limiter, t.tmpl.limit}
	g := m.groups[key]
	if g == nil {
		g = &group{groupKey: key, pos: -1, single: f.single}
		m.groups[key] = g
		m.entered(g)
		g.limiter.join(g)
		f.groups = append(f.groups, g)
		if !g.single && f.next == len(m.p.classList) {
			m.enterLane(g)
		} else if !g.single {
			m.requeue(f, filterAdded)
		}
	}
	if !f.reads.Has(predicate.TaskID) && !f.reads.Has(predicate.TaskAttempt) {
		t.tmpl.group = g
	}
	return g
}

// enterLane puts g into the lane for its needs and classes.
func (m *matcher) enterLane(g *group) {
	key := binary.AppendUvarint(nil, uint64(len(g.shape.key)))
	key = append(key, g.shape.key...)
	for _, w := range g.filter.classes {
		key = binary.BigEndian.AppendUint64(key, w)
	}
	if g.filter.prefer != nil {
		key = g.filter.appendScores(key)
	}
	if g.line != nil && g.line.row.lane.key == string(key) {
		return
	}
	m.leaveLane(g)
	l := m.lanes[string(key)]
	if l == nil {
		l = m.newLane(string(key), g)
	}
	g.line = m.lineFor(l, g)
	g.line.members++
	l.members++
	m.headChanged(g)
}

func (m *matcher) newLane(key string, g *group) *lane {
	l := &lane{
		key: key, shape: g.shape, classes: append(bitset(nil), g.filter.classes...), index: len(m.laneList),
	}
	if g.filter.prefer != nil {
		l.tiers = g.filter.tiers()
	}
	for _, e := range m.p.byIndex {
		if e != nil {
			l.admit(e)
		}
	}
	m.lanes[key] = l
	m.laneList = append(m.laneList, l)
	return l
}

// admit has l use an engine, if it is of a class that it uses.
func (l *lane) admit(e *engine) {
	if !l.classes.has(e.class.index) {
		return
	}
	l.engines.set(e.index)
	for i := range l.tiers {
		if l.tiers[i].classes.has(e.class.index) {
			l.tiers[i].engines.set(e.index)
		}
	}
}

// dismiss is for an engine that is gone.
func (l *lane) dismiss(e *engine) {
	l.engines.clear(e.index)
	for i := range l.tiers {
		l.tiers[i].engines.clear(e.index)
	}
}

func (m *matcher) leaveLane(g *group) {
	ln := g.line
	if ln == nil {
		return
	}
	if g.pos >= 0 {
		heap.Remove(&ln.groups, g.pos)
	}
	g.line, g.first = nil, nil
	m.lineChanged(ln)
	l := ln.row.lane
	if ln.members--; ln.members == 0 {
		delete(ln.row.lines, ln.share)
	}
	if l.members--; l.members == 0 {
		delete(m.lanes, l.key)
		m.stuck.keep(l, false)
		last := m.laneList[len(m.laneList)-1]
		m.laneList[l.index], last.index = last, l.index
		m.laneList = m.laneList[:len(m.laneList)-1]
	}
}

// headChanged brings everything in order after tasks came to g or left it.
func (m *matcher) headChanged(g *group) {
	head := g.queue.head(g)
	if head == nil {
		m.goIdle(g)
	}
	if g.single {
		m.passed(g, head)
		g.first = head
		m.listSingle(g)
		return
	}
	ln := g.line
	if ln == nil {
		return
	}
	if g.parked {
		head = nil
	}
	old := g.first
	switch {
	case head == nil:
		if g.pos >= 0 {
			heap.Remove(&ln.groups, g.pos)
		}
		g.first = nil
	case g.pos < 0:
		g.first = head
		heap.Push(&ln.groups, g)
	case old != head:
		g.first = head
		heap.Fix(&ln.groups, g.pos)
	default:
		return
	}
	m.lineChanged(ln)
	m.mayUseReserved(ln)
}

// block notes that nothing is free for the tasks of l.
func (m *matcher) block(l *lane, now int64) {
	l.blocked = true
	m.laneChanged(l)
	m.patient(l, now)
	m.laneMayUseReserved(l)
}

// laneChanged keeps l among the candidates if it can be placed.
func (m *matcher) laneChanged(l *lane) {
	for _, r := range l.rows {
		if r != nil {
			m.rowChanged(r)
		}
	}
}

// goIdle keeps an empty group for a while.
func (m *matcher) goIdle(g *group) {
	if g.idle || g.gone {
		return
	}
	g.idle = true
	m.idle.push(g)
	for m.idle.len() > maxIdleGroups {
		old := m.idle.pop()
		old.idle = false
		if old.live == 0 && old != g {
			m.forget(old)
		}
	}
}

func (m *matcher) forget(g *group) {
	g.gone = true
	m.leaveLane(g)
	delete(m.groups, g.groupKey)
	m.ranks[levelOf(g.priority)].forgotten()
	g.limiter.leave(g)
	if m.scoredFor == g {
		m.scoredFor = nil
	}
	f := g.filter
	for i := range f.groups {
		if f.groups[i] == g {
			f.groups = append(f.groups[:i], f.groups[i+1:]...)
			break
		}
	}
	if len(f.groups) > 0 {
		return
	}
	delete(m.filters, f.key)
	last := m.filterList[len(m.filterList)-1]
	m.filterList[f.index], last.index = last, f.index
	m.filterList = m.filterList[:len(m.filterList)-1]
}
