package verify

import (
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// engine is one incarnation of an engine as the log shows it.
type engine struct {
	id, pool    string
	incarnation string
	site        string
	labels      map[string]any
	allocatable map[string]int64
	kinds       []string
	gone        bool // lost or departed
	draining    bool
	reserved    map[string]int64
	running     map[string]*task // by task ID
	changed     int64            // offset of the last event that changed any of this
}

func (w *world) followEngine(where at, m any) {
	switch m := m.(type) {
	case *events.EngineRegistered:
		w.register(where, m.GetEngine())
	case *events.EngineLost:
		w.gone(where, m.GetPool(), m.GetEngineId(), m.GetIncarnation())
	case *events.EngineDeparted:
		w.gone(where, m.GetPool(), m.GetEngineId(), m.GetIncarnation())
	case *events.EngineDraining:
		w.drain(where, m.GetPool(), m.GetEngineId(), true)
	case *events.EngineResumed:
		w.drain(where, m.GetPool(), m.GetEngineId(), false)
	}
}

func (w *world) register(where at, spec *events.Engine) {
	key := name{spec.GetPool(), spec.GetId()}
	before := w.engines[key]
	e := &engine{
		id: key.id, pool: key.pool, incarnation: spec.GetIncarnation(), site: spec.GetSite(),
		allocatable: spec.GetAllocatable(), kinds: spec.GetKinds(), labels: map[string]any{},
		reserved: map[string]int64{}, running: map[string]*task{}, changed: where.offset,
	}
	for label, v := range spec.GetLabels() {
		e.labels[label] = plain(v.AsInterface())
	}
	switch {
	case before == nil:
	case before.incarnation == e.incarnation:
		e.reserved, e.running = before.reserved, before.running
		for _, t := range e.running {
			t.on = e
		}
	default:
		w.releaseAll(where, before)
	}
	w.engines[key] = e
	w.checkCapacity(at{offset: where.offset, engine: e.id}, e)
}

func (w *world) gone(where at, pool, id, incarnation string) {
	if e := w.engines[name{pool, id}]; e != nil && e.incarnation == incarnation {
		w.releaseAll(where, e)
		e.gone, e.changed = true, where.offset
	}
}

func (w *world) drain(where at, pool, id string, draining bool) {
	if e := w.engines[name{pool, id}]; e != nil {
		e.draining, e.changed = draining, where.offset
	}
}

// assign checks an assignment against the engine as it was before, reserves
// its needs, and checks the capacity after.
func (w *world) assign(where at, m *events.TaskAssigned) {
	w.p.report.Assignments++
	w.given[digest(m)] = struct{}{}
	t := w.lookup(where, m, "G2")
	if t == nil {
		return
	}
	where.task, where.engine = t.id, m.GetEngineId()
	if t.on != nil {
		w.p.find("G2", where, "assigned while the attempt under token %d on engine %q is unfinished", t.token, t.on.id)
		w.release(at{offset: t.on.changed}, t) // so that it is found once only
	}
	if last := w.tokens[t.pool]; m.GetToken() <= last {
		w.p.find("G2", where, "assigned under token %d; token %d was given before", m.GetToken(), last)
	}
	w.tokens[t.pool] = max(w.tokens[t.pool], m.GetToken())
	t.token, t.attempt = m.GetToken(), m.GetAttempt()
	e := w.engines[name{t.pool, m.GetEngineId()}]
	if e == nil || e.gone || e.incarnation != m.GetIncarnation() {
		w.p.find("G4", where, "assigned to incarnation %q, which is not registered", m.GetIncarnation())
		return
	}
	w.checkView(where, t, e, m.GetView())
	t.on, e.running[t.id], e.changed = e, t, where.offset
	for dimension, n := range t.needs {
		e.reserved[dimension] += n
	}
	w.checkCapacity(where, e)
}

// checkView is G4.
func (w *world) checkView(where at, t *task, e *engine, view int64) {
	if view >= w.expected {
		view += w.landed - w.expected // it names a place in its own batch
	}
	switch {
	case view > where.offset:
		w.p.find("G4", where, "names view %d, which is after the assignment itself", view)
	case e.changed >= view:
		w.p.find("G4", where, "names view %d, but the engine changed at offset %d", view, e.changed)
	}
	if e.draining {
		w.p.find("G4", where, "assigned to an engine that is draining")
	}
	if !slices.Contains(e.kinds, t.spec.GetKind()) {
		w.p.find("G4", where, "kind %q is not among those that the engine handles, %q", t.spec.GetKind(), e.kinds)
	}
	if err := w.views.check(t, e); err != nil {
		w.p.find("G4", where, "predicate %q: %v", t.spec.GetPredicate(), err)
	}
}

// checkCapacity is G3.
func (w *world) checkCapacity(where at, e *engine) {
	for _, dimension := range slices.Sorted(maps.Keys(e.reserved)) {
		if reserved := e.reserved[dimension]; reserved > e.allocatable[dimension] {
			w.p.find("G3", where, "unfinished attempts on the engine need %d of %s; it has %d",
				reserved, dimension, e.allocatable[dimension])
		}
	}
}

func (w *world) releaseAll(where at, e *engine) {
	for _, t := range e.running {
		w.release(where, t)
	}
}

// release ends the attempt of t, if there is one, and frees what it needs.
func (w *world) release(where at, t *task) {
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
	t.on, e.changed = nil, where.offset
}
