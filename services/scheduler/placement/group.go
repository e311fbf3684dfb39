package placement

import (
	"container/heap"
	"encoding/binary"
	"strconv"

	"github.com/spanway/spanway/services/scheduler/predicate"
)

// filter is a predicate together with what it reads of the task.
type filter struct {
	key       string
	predicate *predicate.Predicate
	task      asker
	// classes that it is true of, among the first `next` of the pool.
	classes bitset
	next    int
	groups  []*group
	index   int
	queued  bool
}

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
// by priority and tenant.
type lane struct {
	key     string
	shape   *shape
	classes bitset
	engines bitset
	rows    [levels]*row
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
		g = &group{groupKey: key, pos: -1, single: f.predicate.Reads().Single()}
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
	if r := f.predicate.Reads(); !r.Has(predicate.TaskID) && !r.Has(predicate.TaskAttempt) {
		t.tmpl.group = g
	}
	return g
}

// filterFor finds the filter by predicate, kind, and what is read of the task.
func (m *matcher) filterFor(t *task) *filter {
	pred := m.predicateOf(t)
	key := filterKey(pred, t)
	if f, ok := m.filters[key]; ok {
		return f
	}
	f := &filter{key: key, predicate: pred, task: askerOf(t), index: len(m.filterList)}
	m.filters[key] = f
	m.filterList = append(m.filterList, f)
	return f
}

func (m *matcher) predicateOf(t *task) *predicate.Predicate {
	if c := m.s.compiled; c != nil && c.Text() == t.tmpl.predicate {
		return c
	}
	pred, err := m.s.cfg.Predicates.Compile(t.tmpl.predicate)
	if err != nil { // Accepted under other limits: true of nothing.
		return predicate.Never(t.tmpl.predicate)
	}
	return pred
}

func filterKey(pred *predicate.Predicate, t *task) string {
	b := strconv.AppendQuote(nil, t.tmpl.kind)
	b = append(b, pred.Text()...)
	r := pred.Reads()
	b = append(b, 0)
	if r.Has(predicate.TaskID) {
		b = strconv.AppendQuote(b, t.id)
	}
	if r.Has(predicate.TaskTenant) {
		b = strconv.AppendQuote(b, t.tmpl.tenant)
	}
	b = append(b, 0)
	if r.Has(predicate.TaskPriority) {
		b = binary.AppendVarint(b, int64(t.tmpl.priority))
	}
	if r.Has(predicate.TaskAttempt) {
		b = binary.AppendVarint(b, int64(t.attempt()))
	}
	if r.Has(predicate.TaskNeeds) {
		b = append(b, t.tmpl.shape.key...)
	}
	return string(b)
}

// Why a filter is unresolved.
const (
	filterAdded = iota
	classAdded
)

// requeue has f evaluated on the classes that it does not know yet. What asks
// for nothing is settled at once, so that it never waits behind what does.
func (m *matcher) requeue(f *filter, why int) {
	if f.predicate.Text() == "" {
		m.resolveTrivial(f)
		return
	}
	if !f.queued && f.next < len(m.p.classList) && !f.predicate.Reads().Single() {
		f.queued = true
		m.unresolved[why].push(f)
	}
}

// resolveAll evaluates filters on classes that are new to them; false if the
// budget ended it.
func (m *matcher) resolveAll(c *cycle) bool {
	for why := range m.unresolved {
		queue := &m.unresolved[why]
		for queue.len() > 0 {
			f := *queue.front()
			if !m.resolve(c, f) {
				return false
			}
			f.queued = false
			queue.pop()
		}
	}
	return true
}

// resolve evaluates f on classes that are new to it; false if the budget ended it.
func (m *matcher) resolve(c *cycle, f *filter) bool {
	for ; f.next < len(m.p.classList); f.next++ {
		class := m.p.classList[f.next]
		if _, ok := class.kinds[f.task.kind]; !ok {
			continue
		}
		if c.evaluations <= 0 {
			return false
		}
		if m.evaluate(c, f, class, nil) {
			f.classes.set(f.next)
		}
	}
	for _, g := range f.groups {
		m.enterLane(g)
	}
	return true
}

// resolveTrivial is resolve for a task without a predicate: only its kind counts.
func (m *matcher) resolveTrivial(f *filter) {
	for ; f.next < len(m.p.classList); f.next++ {
		if _, ok := m.p.classList[f.next].kinds[f.task.kind]; ok {
			f.classes.set(f.next)
		}
	}
	for _, g := range f.groups {
		m.enterLane(g)
	}
}

func (m *matcher) evaluate(c *cycle, f *filter, class *class, e *engine) bool {
	c.evaluations--
	m.s.evaluations++
	v := &m.s.eval
	*v = evaluation{pool: m.p, class: class, engine: e, task: f.task}
	ok, _ := f.predicate.Eval(v)
	return ok
}

// enterLane puts g into the lane for its needs and classes.
func (m *matcher) enterLane(g *group) {
	key := binary.AppendUvarint(nil, uint64(len(g.shape.key)))
	key = append(key, g.shape.key...)
	for _, w := range g.filter.classes {
		key = binary.BigEndian.AppendUint64(key, w)
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
	for _, e := range m.p.byIndex {
		if e != nil && l.classes.has(e.class.index) {
			l.engines.set(e.index)
		}
	}
	m.lanes[key] = l
	m.laneList = append(m.laneList, l)
	return l
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
