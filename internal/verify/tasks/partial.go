package tasks

import "github.com/spanway/spanway/internal/verify/chain"

// What was there before the log begins is not known. It is taken as it is met,
// and what it may have been is given the benefit of the doubt.

// adoptTask takes a task that was accepted before what was seen.
func (w *world) adoptTask(where chain.At, key name) *task {
	t := &task{id: key.id, pool: key.pool, accepted: where.Offset, payloadAt: -1, loose: true}
	w.tasks[key] = t
	w.p.older.Tasks++
	return t
}

// present finds an engine that may be given work: nil if there is none of that
// incarnation. One that was never seen is taken to have registered before.
func (w *world) present(key name, incarnation string) *engine {
	e := w.engines[key]
	if e == nil && w.partial && !w.past.gone(key) {
		e = &engine{
			id: key.id, pool: key.pool, incarnation: incarnation, unseen: true,
			reserved: map[string]int64{}, running: map[string]*task{}, changed: -1,
		}
		w.engines[key] = e
		w.p.older.Engines++
	}
	if e == nil || e.incarnation != incarnation {
		return nil
	}
	return e
}

// before tells whether an attempt may have been assigned before what was seen:
// tokens grow.
func (w *world) before(m ofAttempt) bool {
	first, given := w.firsts[m.GetPool()]
	return w.partial && (!given || m.GetToken() < first)
}
