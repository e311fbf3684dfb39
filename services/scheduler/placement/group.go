package placement

import (
	"container/heap"
	"encoding/binary"

	"github.com/spanway/spanway/services/scheduler/predicate"
)

type groupKey struct {
	filter   *filter
	shape    *shape
	priority int32
}

// group is tasks that no engine can tell apart, in order.
type group struct {
	groupKey
	queue taskQueue
	live  int
	// first is the head, kept while heaps depend on it.
	first *task
	lane  *lane
	pos   int

	// single: to be scanned engine by engine; see scan.
	single    bool
	listed    bool
	queued    bool
	scannedAt uint64
	idle      bool
	gone      bool
}

// lane is groups of equal needs whose predicates are true of the same classes,
// and whose preferences give those the same scores.
type lane struct {
	key     string
	shape   *shape
	classes bitset
	engines bitset
	// tiers are the engines by score, the highest first; nil without a preference.
	tiers  []tier
	groups groupHeap
	// members counts groups, empty ones too.
	members int
	blocked bool
	pos     int
	index   int
}

// maxIdleGroups bounds the empty groups kept for their next task.
const maxIdleGroups = 1024

func (m *matcher) groupFor(t *task) *group {
	if g := t.tmpl.group; g != nil && !g.gone {
		return g
	}
	f := m.filterFor(t)
	key := groupKey{f, t.tmpl.shape, t.tmpl.priority}
	g := m.groups[key]
	if g == nil {
		g = &group{groupKey: key, pos: -1, single: f.single}
		m.groups[key] = g
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
	if g.lane != nil && g.lane.key == string(key) {
		return
	}
	m.leaveLane(g)
	l := m.lanes[string(key)]
	if l == nil {
		l = m.newLane(string(key), g)
	}
	g.lane = l
	l.members++
	m.headChanged(g)
}

func (m *matcher) newLane(key string, g *group) *lane {
	l := &lane{
		key: key, shape: g.shape, classes: append(bitset(nil), g.filter.classes...), pos: -1, index: len(m.laneList),
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
	l := g.lane
	if l == nil {
		return
	}
	if g.pos >= 0 {
		heap.Remove(&l.groups, g.pos)
	}
	g.lane, g.first = nil, nil
	m.laneChanged(l)
	if l.members--; l.members == 0 {
		delete(m.lanes, l.key)
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
		g.first = head
		m.listSingle(g)
		return
	}
	l := g.lane
	if l == nil {
		return
	}
	old := g.first
	switch {
	case head == nil:
		if g.pos >= 0 {
			heap.Remove(&l.groups, g.pos)
		}
		g.first = nil
	case g.pos < 0:
		g.first = head
		heap.Push(&l.groups, g)
	case old != head:
		g.first = head
		heap.Fix(&l.groups, g.pos)
	default:
		return
	}
	m.laneChanged(l)
}

// laneChanged keeps l among the candidates if it can be placed.
func (m *matcher) laneChanged(l *lane) {
	wanted := len(l.groups) > 0 && !l.blocked
	switch {
	case wanted && l.pos < 0:
		heap.Push(&m.candidates, l)
	case wanted:
		heap.Fix(&m.candidates, l.pos)
	case l.pos >= 0:
		m.dropCandidate(l)
	}
}

// dropCandidate takes l out of the candidates, even if it has no groups any more.
func (m *matcher) dropCandidate(l *lane) {
	last := len(m.candidates) - 1
	at := l.pos
	m.candidates[at] = m.candidates[last]
	m.candidates[at].pos = at
	m.candidates[last] = nil
	m.candidates = m.candidates[:last]
	l.pos = -1
	if at < last {
		heap.Fix(&m.candidates, at)
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
