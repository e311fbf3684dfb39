package placement

import (
	"encoding/binary"
	"strconv"

	"github.com/spanway/spanway/pkg/predicate"
)

// filter is a predicate and a preference, together with what they and what
// engines accept read of the task.
type filter struct {
	key       string
	predicate *predicate.Predicate
	prefer    *predicate.Preference // nil: none
	reads     predicate.Reads
	task      asker
	// single: engines of one class must be told apart.
	single bool
	// classes that admit it, among the first `next` of the pool; of a single one,
	// among those judged.
	classes, judged bitset
	next            int
	// scores by class, where prefer reads no more than that; see scoreOf.
	scores []float64
	groups []*group
	index  int
	queued bool
}

// filterFor finds the filter by predicate, preference, kind, and what is read of
// the task.
func (m *matcher) filterFor(t *task) *filter {
	f := filter{predicate: m.predicateOf(t), prefer: m.preferOf(t)}
	f.reads = f.predicate.Reads() | m.accepts
	f.single = f.predicate.Reads().Single()
	if f.prefer != nil {
		f.reads |= f.prefer.Reads()
		f.single = f.single || f.prefer.Reads().Single()
	}
	key := f.keyOf(t)
	if known, ok := m.filters[string(key)]; ok {
		return known
	}
	return m.newFilter(f, string(key), t)
}

func (m *matcher) newFilter(like filter, key string, t *task) *filter {
	f := &like
	f.key, f.task, f.index = key, askerOf(t), len(m.filterList)
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

func (f *filter) keyOf(t *task) []byte {
	b := strconv.AppendQuote(nil, t.tmpl.kind)
	if f.prefer != nil { // No predicate begins with that byte.
		b = strconv.AppendQuote(append(b, 1), f.prefer.Text())
	}
	b = append(b, f.predicate.Text()...)
	r := f.reads
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
	return b
}

// Why a filter is unresolved.
const (
	filterAdded = iota
	classAdded
)

// requeue has f evaluated on the classes that it does not know yet. What asks
// for nothing is settled at once, so that it never waits behind what does.
func (m *matcher) requeue(f *filter, why int) {
	if f.predicate.Text() == "" && f.prefer == nil && !m.accepting {
		m.resolveTrivial(f)
		return
	}
	if !f.queued && f.next < len(m.p.classList) && !f.single {
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
		if m.admits(c, f, class) {
			f.classes.set(f.next)
			if f.prefer != nil {
				m.scoreClass(c, f, class)
			}
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

// admits tells whether what engines of the class accept is true of f's tasks, and
// f's predicate of them, unless that must be asked engine by engine.
func (m *matcher) admits(c *cycle, f *filter, class *class) bool {
	if class.accepts != nil {
		if ok, _ := class.accepts.Eval(m.sees(c, f, class, nil)); !ok {
			return false
		}
	}
	return f.predicate.Text() == "" || f.predicate.Reads().Single() || m.evaluate(c, f, class, nil)
}

func (m *matcher) evaluate(c *cycle, f *filter, class *class, e *engine) bool {
	ok, _ := f.predicate.Eval(m.sees(c, f, class, e))
	return ok
}

// sees is what one evaluation sees. It is counted.
func (m *matcher) sees(c *cycle, f *filter, class *class, e *engine) *evaluation {
	c.evaluations--
	m.s.evaluations++
	v := &m.s.eval
	*v = evaluation{pool: m.p, class: class, engine: e, task: f.task}
	return v
}
