package tasks

import (
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
)

// agingMs: to wait that long counts as one level of priority.
const agingMs = 60_000

// checkReady is what the task itself demands of the moment at which it is
// assigned: its time, the tasks that it waits for and the limit of its key.
func (w *world) checkReady(where chain.At, t *task, atMs int64) {
	if atMs < t.spec.GetNotBeforeMs() {
		w.p.Find("G4", where, "assigned at %d; it must not be before %d", atMs, t.spec.GetNotBeforeMs())
	}
	for _, id := range t.spec.GetAfter() {
		w.checkAfter(where, t, id)
	}
	if key := t.spec.GetLimitKey(); key != "" {
		// A key without a limit means 1.
		limit, running := max(int(t.spec.GetLimit()), 1), w.limited[name{t.pool, key}]
		if running >= limit {
			w.p.Find("G3", where, "assigned while %d tasks with the limit key %q ran; its limit is %d", running, key, limit)
		}
	}
}

// checkAfter: a task that another waits for has succeeded, once and for all,
// even if its ID is taken by a new task later.
func (w *world) checkAfter(where chain.At, t *task, id string) {
	key := name{t.pool, id}
	if w.past.succeeded(key) {
		return
	}
	before, ok := w.past.ended(key)
	if there, imported := w.elsewhere(key); imported && !ok {
		before, ok = there, true
	}
	switch {
	case w.tasks[key] != nil:
		w.p.Find("G4", where, "assigned before task %q, after which it is to run, succeeded", id)
	case ok && before.by == "succeeded":
	case ok:
		w.p.Find("G4", where, "assigned although task %q, after which it is to run, %s at offset %d", id, before.by, before.offset)
	case !w.partial:
		w.p.Find("G4", where, "assigned although task %q, after which it is to run, was never accepted", id)
	}
}

// reserve holds an engine for a task.
func (w *world) reserve(where chain.At, m *events.TaskReserved) {
	t := w.lookup(where, m, "G1")
	if t == nil {
		return
	}
	where.Task, where.Engine = t.id, m.GetEngineId()
	w.needsVersion(where, "a reservation")
	if t.on != nil {
		w.p.Find("G4", where, "an engine is reserved for a task that runs on engine %q", t.on.id)
		return
	}
	e := w.present(name{t.pool, m.GetEngineId()}, m.GetIncarnation())
	switch {
	case e == nil:
		w.p.Find("G4", where, "incarnation %q is reserved, which is not registered", m.GetIncarnation())
		return
	case e.draining:
		w.p.Find("G4", where, "an engine is reserved that is draining")
		return
	}
	t.unreserve()
	if e.heldFor != nil {
		e.heldFor.holds = nil
	}
	t.holds, e.heldFor, e.changed = e, t, where.Offset
}

// checkReserved: a reserved engine takes, besides the task it is reserved for,
// only such that are before that one in order. Fairness between tenants decides
// who is first within a priority, and the log need not say how. So tasks of equal
// priority and different tenants are not judged.
func (w *world) checkReserved(where chain.At, t *task, e *engine) {
	r := e.heldFor
	if r == nil || r == t || r.spec == nil {
		return
	}
	fair := t.spec.GetPriority() == r.spec.GetPriority() && t.spec.GetTenant() != r.spec.GetTenant()
	if !fair && r.before(t) {
		w.p.Find("G4", where, "the engine is reserved for task %q, which is before it in order", r.id)
	}
}

// before is the order of tasks that wait: who has the lower key goes first, then
// who was accepted first.
func (t *task) before(u *task) bool {
	a, b := t.orderMs(), u.orderMs()
	return a < b || a == b && t.accepted < u.accepted
}

// orderMs counts from when the task began to wait, which is not before its time.
func (t *task) orderMs() int64 {
	return max(t.acceptedMs, t.spec.GetNotBeforeMs()) - int64(t.spec.GetPriority())*agingMs
}

// unreserve ends the reservation that the task has, if any.
func (t *task) unreserve() {
	if t.holds != nil {
		t.holds.heldFor, t.holds = nil, nil
	}
}

// unreserve ends the reservation of the engine, if any.
func (e *engine) unreserve() {
	if e.heldFor != nil {
		e.heldFor.unreserve()
	}
}
