package placement

import "github.com/spanway/spanway/pkg/predicate"

// matcher is the index that finds engines for a pool's waiting tasks. All of it
// follows from the folded state, and it exists only while this host decides.
//
// Tasks that no engine can tell apart wait in one group. Groups whose predicate
// reads only what engines of a class share are gathered into lanes: equal
// needs, equal set of classes. A lane that fits nowhere is blocked and costs
// nothing until capacity it could use is freed. Groups whose predicate reads
// what changes (or engine.id) are scanned against engines that changed since.
type matcher struct {
	s *State
	p *pool

	groups  map[groupKey]*group
	filters map[string]*filter
	// filterList and laneList give the maps an order that replays alike.
	filterList []*filter
	lanes      map[string]*lane
	laneList   []*lane
	// unresolved filters have classes that they were not evaluated on: new ones,
	// which go first, and those for which classes were added.
	unresolved [2]fifo[*filter]
	// ranks are the candidates by priority.
	ranks [levels]rank
	idle  fifo[*group]

	// Sets of engine indexes: may take work; have some of a dimension free; have
	// got something free since the lanes were looked at last.
	open     bitset
	positive []bitset
	freed    bitset
	// gains: something was freed since the lanes were looked at.
	gains bool
	// held are reserved, each for one task; see reserve.go.
	held bitset
	// stuck are the lanes that were blocked, by time; eager are lines whose first
	// task may use an engine that is reserved.
	stuck tree[*lane]
	eager []*line
	// patience holds tasks that wait for others, in order of acceptance.
	patience fifo[*task]

	// wake is in time, backstops in ReadTo.
	wake, backstops timerHeap

	// version counts changes of engines; newest begins their list by last change.
	version uint64
	newest  *engine
	scratch bitset
	// scored is what is known of engines for the group scoredFor.
	scored    []scored
	scoredFor *group
	singles   []*group
	cursor    int
	// settled is how many singles in a row were scanned at this version, and found
	// nothing.
	settled int
	fresh   fifo[*group]
	// accepts is what engines read of tasks to accept them; accepting: some do.
	accepts   predicate.Reads
	accepting bool
	// stale: to be built again from the state.
	stale bool
}

func newMatcher(s *State, p *pool) *matcher {
	m := &matcher{
		s: s, p: p, groups: make(map[groupKey]*group),
		filters: make(map[string]*filter), lanes: make(map[string]*lane), stuck: stuckLanes(),
	}
	for i := range m.ranks {
		m.ranks[i] = newRank(&p.levels[i])
	}
	for _, c := range p.classList {
		m.asks(c)
	}
	return m
}

// asks notes what engines of a class read of tasks to accept them. If no others
// did, tasks that could not be told apart now can, and are grouped anew.
func (m *matcher) asks(c *class) {
	if c.accepts == nil {
		return
	}
	m.accepting = true
	if r := c.accepts.Reads(); r&^m.accepts != 0 {
		m.accepts |= r
		m.stale = len(m.filters) > 0
	}
}

// build indexes what the pool holds.
func (m *matcher) build(now int64) {
	for _, e := range m.p.byIndex {
		if e != nil {
			m.joined(e)
			for t := e.first; t != nil; t = t.attemptNext {
				m.restartBackstop(t)
			}
		}
	}
	for _, tm := range m.p.templates {
		tm.group = nil
		tm.limiter.reset()
	}
	for t := m.p.first; t != nil; t = t.next {
		if t.status == waiting {
			t.timer, t.group = 0, nil
			if t.token != 0 && t.since == 0 { // It came back before the snapshot.
				t.since = now
			}
			m.p.place(t, now)
			m.expect(t)
		}
	}
}

// add takes in a waiting task: into its group, or first into the timers.
func (m *matcher) add(t *task, now int64) {
	expiry := int64(0)
	if t.tmpl.scheduleTimeout > 0 && !t.ran {
		expiry = t.acceptedAt + t.tmpl.scheduleTimeout
	}
	if t.notBefore > now {
		due := t.notBefore
		if expiry > 0 {
			due = min(due, expiry)
		}
		m.wake.start(t, due)
		return
	}
	if expiry > 0 {
		m.wake.start(t, expiry)
	}
	if t.dependent() {
		return
	}
	g := m.groupFor(t)
	t.group = g
	g.live++
	g.queue.push(t)
	m.headChanged(g)
}

// remove takes a waiting task out.
func (m *matcher) remove(t *task) {
	m.wake.stop(t)
	g := t.group
	if g == nil {
		return
	}
	t.group = nil
	g.live--
	g.queue.compact(g)
	m.headChanged(g)
}

// backstopMs is how much later than the engine the scheduler times out.
const backstopMs = 5_000

// startBackstop measures from this host's clock now: what was assigned before
// its tenure may only be published in it, and by another's clock.
func (m *matcher) startBackstop(t *task) {
	t.timer = 0
	if t.tmpl.executionTimeout > 0 {
		m.backstops.start(t, m.s.tenure.heard+t.tmpl.executionTimeout+backstopMs)
	}
}

// restartBackstop keeps a timer of the index before this one.
func (m *matcher) restartBackstop(t *task) {
	if t.timer == 0 {
		m.startBackstop(t)
		return
	}
	t.timer = 0
	m.backstops.start(t, t.due)
}

func (m *matcher) reserved(e *engine, t *task) {
	m.startBackstop(t)
	for _, n := range t.tmpl.shape.needs {
		if n.amount > 0 && int(n.dim) < len(e.room) && e.room[n.dim] <= 0 {
			m.positive[n.dim].clear(e.index)
		}
	}
	m.changed(e)
}

func (m *matcher) released(e *engine, t *task) {
	m.backstops.stop(t)
	if !e.present() {
		return
	}
	for _, n := range t.tmpl.shape.needs {
		if int(n.dim) < len(e.room) && e.room[n.dim] > 0 {
			m.positive[n.dim].set(e.index)
		}
	}
	m.gained(e)
}

// measured: what is observed of e has changed, and with it the room that it had.
func (m *matcher) measured(e *engine, before []int64) {
	more := false
	for d, x := range e.room {
		more = more || x > before[d]
		if x > 0 {
			m.positive[d].set(e.index)
		} else {
			m.positive[d].clear(e.index)
		}
	}
	if more {
		m.gained(e)
	} else {
		m.changed(e)
	}
}

// gained: e may take what it could not take before.
func (m *matcher) gained(e *engine) {
	if e.status == ready {
		m.freed.set(e.index)
		m.gains = true
	}
	m.changed(e)
}

// changed: what predicates read of e may have changed.
func (m *matcher) changed(e *engine) {
	m.version++
	e.version = m.version
	m.settled = 0
	if e.node != nil {
		e.node.version = m.version
	}
	m.unlink(e)
	m.link(e)
}

func (m *matcher) link(e *engine) {
	e.older, e.newer = m.newest, nil
	if m.newest != nil {
		m.newest.newer = e
	}
	m.newest = e
}

func (m *matcher) unlink(e *engine) {
	if m.newest == e {
		m.newest = e.older
	}
	if e.older != nil {
		e.older.newer = e.newer
	}
	if e.newer != nil {
		e.newer.older = e.older
	}
	e.older, e.newer = nil, nil
}

func (m *matcher) joined(e *engine) {
	for d, x := range e.room {
		for len(m.positive) <= d {
			m.positive = append(m.positive, nil)
		}
		if x > 0 {
			m.positive[d].set(e.index)
		}
	}
	m.asks(e.class)
	for _, l := range m.laneList {
		l.admit(e)
	}
	if e.reservedFor != nil {
		m.held.set(e.index)
	}
	m.turned(e)
	for _, f := range m.filterList {
		m.requeue(f, classAdded)
	}
}

// turned: e takes work again, or no more.
func (m *matcher) turned(e *engine) {
	if e.status == ready {
		m.open.set(e.index)
	} else {
		m.open.clear(e.index)
	}
	m.gained(e)
}

// left: e is gone; mates are what is left on its node, where less runs now.
func (m *matcher) left(e *engine, mates []*engine) {
	m.held.clear(e.index)
	m.open.clear(e.index)
	m.freed.clear(e.index)
	for _, b := range m.positive {
		b.clear(e.index)
	}
	for _, l := range m.laneList {
		l.dismiss(e)
	}
	m.unlink(e)
	if len(mates) > 0 {
		m.changed(mates[0])
	}
}
