package tasks

import (
	"errors"
	"maps"
	"slices"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// engine is one incarnation of an engine as the log shows it.
type engine struct {
	id, pool    string
	incarnation string
	site, node  string
	labels      map[string]any
	allocatable map[string]int64
	used        map[string]int64 // as measured last
	kinds       []string
	accepts     string
	draining    bool
	reserved    map[string]int64
	running     map[string]*task // by task ID
	heldFor     *task            // it is reserved for that one
	changed     int64            // offset of the last event that changed any of this
	// unseen: it registered before what was seen, so what it is and has is not known.
	unseen bool
	// blind counts the attempts of tasks that are not known whole.
	blind int
}

func (w *world) followEngine(where chain.At, m any) {
	switch m := m.(type) {
	case *events.EngineRegistered:
		w.register(where, m.GetEngine())
	case *events.EngineLost:
		w.gone(where, m.GetPool(), m.GetEngineId(), m.GetIncarnation())
	case *events.EngineDeparted:
		w.gone(where, m.GetPool(), m.GetEngineId(), m.GetIncarnation())
	case *events.EngineDraining:
		w.drain(where, m, true)
	case *events.EngineResumed:
		w.drain(where, m, false)
	case *events.EngineObserved:
		w.observe(where, m)
	case *events.PoolConfigured:
		w.needsVersion(where, "settings of a pool")
	case *events.LogTruncated:
		w.truncate(where, m.GetBefore())
	}
}

func (w *world) register(where chain.At, spec *events.Engine) {
	key := name{spec.GetPool(), spec.GetId()}
	if spec.GetAccepts() != "" || spec.GetNode() != "" {
		w.needsVersion(chain.At{Offset: where.Offset, Engine: key.id}, "an engine that says what it accepts or its node has registered")
	}
	before := w.engines[key]
	e := &engine{
		id: key.id, pool: key.pool, incarnation: spec.GetIncarnation(), site: spec.GetSite(),
		node: spec.GetNode(), accepts: spec.GetAccepts(),
		allocatable: spec.GetAllocatable(), kinds: spec.GetKinds(), labels: map[string]any{},
		reserved: map[string]int64{}, running: map[string]*task{}, changed: where.Offset,
	}
	for label, v := range spec.GetLabels() {
		e.labels[label] = plain(v.AsInterface())
	}
	switch {
	case before == nil:
	case before.incarnation == e.incarnation:
		e.reserved, e.running, e.blind = before.reserved, before.running, before.blind
		for _, t := range e.running {
			t.on = e
		}
		before.unreserve()
	default:
		w.releaseAll(where, before)
		before.unreserve()
	}
	w.leaveNode(before)
	w.engines[key] = e
	w.joinNode(e)
	w.checkCapacity(chain.At{Offset: where.Offset, Engine: e.id}, e)
}

func (w *world) gone(where chain.At, pool, id, incarnation string) {
	if e := w.present(name{pool, id}, incarnation); e != nil {
		w.releaseAll(where, e)
		e.unreserve()
		w.leaveNode(e)
		delete(w.engines, name{pool, id})
		if w.partial { // Else an engine that is not known is one that never registered.
			w.past.leave(name{pool, id})
		}
	}
}

// ofEngine is an event of one incarnation of an engine.
type ofEngine interface {
	GetPool() string
	GetEngineId() string
	GetIncarnation() string
}

// drain: an order for an engine that is not there names no incarnation.
func (w *world) drain(where chain.At, m ofEngine, draining bool) {
	e := w.present(name{m.GetPool(), m.GetEngineId()}, m.GetIncarnation())
	if e == nil {
		return
	}
	e.draining, e.changed = draining, where.Offset
	if draining {
		e.unreserve()
	}
}

// observe takes what is measured as used on the engine.
func (w *world) observe(where chain.At, m *events.EngineObserved) {
	where.Engine = m.GetEngineId()
	w.needsVersion(where, "what is measured as used on an engine")
	if e := w.present(name{m.GetPool(), m.GetEngineId()}, m.GetIncarnation()); e != nil {
		e.used, e.changed = m.GetUsed(), where.Offset
	}
}

func (w *world) joinNode(e *engine) {
	if e.node == "" {
		return
	}
	key := name{e.pool, e.node}
	if w.nodes[key] == nil {
		w.nodes[key] = map[*engine]struct{}{}
	}
	w.nodes[key][e] = struct{}{}
}

func (w *world) leaveNode(e *engine) {
	if e == nil || e.node == "" {
		return
	}
	key := name{e.pool, e.node}
	if delete(w.nodes[key], e); len(w.nodes[key]) == 0 {
		delete(w.nodes, key)
	}
}

// assign checks an assignment against the engine as it was before, reserves
// its needs, and checks the capacity after.
func (w *world) assign(where chain.At, m *events.TaskAssigned) {
	w.p.report.Assignments++
	w.past.give(m)
	t := w.lookup(where, m, "G2")
	if t == nil {
		return
	}
	where.Task, where.Engine = t.id, m.GetEngineId()
	if w.replaced[t.pool] {
		w.p.Find("G4", where, "assigned although the pool is placed at another site")
	}
	if t.on != nil {
		w.p.Find("G2", where, "assigned while the attempt under token %d on engine %q is unfinished", t.token, t.on.id)
		w.release(chain.At{Offset: t.on.changed}, t) // so that it is found once only
	}
	if last := w.tokens[t.pool]; m.GetToken() <= last {
		w.p.Find("G2", where, "assigned under token %d; token %d was given before", m.GetToken(), last)
	}
	if _, ok := w.firsts[t.pool]; !ok {
		w.firsts[t.pool] = m.GetToken()
	}
	w.tokens[t.pool] = max(w.tokens[t.pool], m.GetToken())
	t.token, t.attempt, t.loose = m.GetToken(), m.GetAttempt(), false
	e := w.present(name{t.pool, m.GetEngineId()}, m.GetIncarnation())
	if e == nil {
		w.p.Find("G4", where, "assigned to incarnation %q, which is not registered", m.GetIncarnation())
		return
	}
	if t.spec != nil {
		w.checkReady(where, t, m.GetAtMs())
	}
	if e.unseen || t.spec == nil {
		w.p.older.Unjudged++
	}
	if !e.unseen {
		w.checkView(where, e, m.GetView())
		if t.spec != nil {
			w.checkMatch(where, t, e)
		}
	}
	w.occupy(where, t, e)
}

// occupy has t run on e.
func (w *world) occupy(where chain.At, t *task, e *engine) {
	t.unreserve()
	t.on, e.running[t.id], e.changed = e, t, where.Offset
	if t.spec == nil {
		e.blind++
	} else if key := t.spec.GetLimitKey(); key != "" {
		w.limited[name{t.pool, key}]++
	}
	for dimension, n := range t.needs {
		e.reserved[dimension] += n
	}
	if !e.unseen {
		w.checkCapacity(where, e)
	}
}

// checkView: the engine is as it was on the view that the assignment names.
func (w *world) checkView(where chain.At, e *engine, view int64) {
	if view >= w.expected {
		view += w.landed - w.expected // it names a place in its own batch
	}
	switch {
	case view > where.Offset:
		w.p.Find("G4", where, "names view %d, which is after the assignment itself", view)
	case e.changed >= view:
		w.p.Find("G4", where, "names view %d, but the engine changed at offset %d", view, e.changed)
	}
	if e.draining {
		w.p.Find("G4", where, "assigned to an engine that is draining")
	}
}

// checkMatch is G4: the task and the engine suit each other.
func (w *world) checkMatch(where chain.At, t *task, e *engine) {
	if !slices.Contains(e.kinds, t.spec.GetKind()) {
		w.p.Find("G4", where, "kind %q is not among those that the engine handles, %q", t.spec.GetKind(), e.kinds)
	}
	switch err := w.views.check(w, t, e); {
	case errors.Is(err, errUnseen):
		w.p.older.Unjudged++
	case err != nil:
		w.p.Find("G4", where, "predicate %q: %v", t.spec.GetPredicate(), err)
	}
	if err := w.views.accepted(t, e); err != nil {
		w.p.Find("G4", where, "the engine accepts %q: %v", e.accepts, err)
	}
	for _, dimension := range slices.Sorted(maps.Keys(e.used)) {
		has, known := e.allocatable[dimension]
		if need := t.needs[dimension]; known && need > 0 && need > has-e.used[dimension] {
			w.p.Find("G3", where, "the task needs %d of %s; of the %d that the engine has, %d are measured as used",
				need, dimension, has, e.used[dimension])
		}
	}
	w.checkReserved(where, t, e)
}

// checkCapacity is G3.
func (w *world) checkCapacity(where chain.At, e *engine) {
	for _, dimension := range slices.Sorted(maps.Keys(e.reserved)) {
		if reserved := e.reserved[dimension]; reserved > e.allocatable[dimension] {
			w.p.Find("G3", where, "unfinished attempts on the engine need %d of %s; it has %d",
				reserved, dimension, e.allocatable[dimension])
		}
	}
}

func (w *world) releaseAll(where chain.At, e *engine) {
	for _, t := range e.running {
		w.release(where, t)
	}
}

// release ends the attempt of t, if there is one, and frees what it needs.
func (w *world) release(where chain.At, t *task) {
	if t == nil || t.on == nil {
		return
	}
	e := t.on
	for dimension, n := range t.needs {
		if e.reserved[dimension] -= n; e.reserved[dimension] == 0 {
			delete(e.reserved, dimension)
		}
	}
	delete(e.running, t.id)
	if t.spec == nil {
		e.blind--
	} else if key := t.spec.GetLimitKey(); key != "" {
		held := name{t.pool, key}
		if w.limited[held]--; w.limited[held] == 0 {
			delete(w.limited, held)
		}
	}
	t.on, e.changed = nil, where.Offset
}
