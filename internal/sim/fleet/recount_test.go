package fleet

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// recount reads the log of a fleet once more, naively: it adds up everything when
// it is asked, and knows what a condition means from the table that the condition
// was taken from. It judges what the verifier leaves out, too: preferences, when an
// engine may be reserved, and what becomes of those that wait for others.
type recount struct {
	tasks    map[string]*errand
	engines  map[string]*station
	settings *events.PoolSettings
}

func newRecount() *recount {
	return &recount{tasks: map[string]*errand{}, engines: map[string]*station{}}
}

// follow judges an event by what was before it, and takes it in.
func (r *recount) follow(m proto.Message) error {
	switch m := m.(type) {
	case *events.TaskAccepted:
		r.tasks[m.Task.Id] = &errand{Task: m.Task, acceptedMs: m.AtMs}
		return r.hopeless(m.Task)
	case *events.TaskAssigned:
		return r.assigned(m)
	case *events.TaskReserved:
		return r.reserved(m)
	case *events.TaskAssignmentRefused:
		r.stopped(r.tasks[m.TaskId])
	case *events.TaskAttemptFailed:
		r.stopped(r.tasks[m.TaskId])
	case *events.TaskAttemptReturned:
		r.stopped(r.tasks[m.TaskId])
	case *events.TaskSucceeded:
		return r.over(m.TaskId, "succeeded")
	case *events.TaskFailed:
		return r.over(m.TaskId, "failed")
	case *events.TaskExpired:
		return r.over(m.TaskId, "expired")
	case *events.TaskDeadLettered:
		return r.over(m.TaskId, "dead-lettered")
	case *events.TaskCancelled:
		r.tasks[m.TaskId].reason = m.Reason
		return r.over(m.TaskId, "cancelled")
	default:
		r.followEngine(m)
	}
	return nil
}

// hopeless says why a task that was accepted can never run: it comes after one that
// ended otherwise, or that is forgotten, or after itself.
func (r *recount) hopeless(t *events.Task) error {
	seen, next := map[string]bool{}, t.After
	for len(next) > 0 {
		id := next[0]
		next = next[1:]
		other := r.tasks[id]
		switch {
		case id == t.Id || id == forgottenID:
			return fmt.Errorf("task %q was accepted, which comes after %q in the end", t.Id, id)
		case seen[id] || other == nil || other.ended == "succeeded":
			continue
		case other.ended != "" && slices.Contains(t.After, id):
			return fmt.Errorf("task %q was accepted, which comes after %q, which %s", t.Id, id, other.ended)
		}
		seen[id] = true
		next = append(next[:len(next):len(next)], other.After...)
	}
	return nil
}

func (r *recount) followEngine(m proto.Message) {
	switch m := m.(type) {
	case *events.EngineRegistered:
		r.left(m.Engine.Id, "")
		r.engines[m.Engine.Id] = &station{spec: m.Engine, running: map[string]*errand{}}
	case *events.EngineLost:
		r.left(m.EngineId, m.Incarnation)
	case *events.EngineDeparted:
		r.left(m.EngineId, m.Incarnation)
	case *events.EngineDraining:
		if e := r.present(m.EngineId, m.Incarnation); e != nil {
			e.draining = true
			r.unreserve(e.heldFor)
		}
	case *events.EngineResumed:
		if e := r.present(m.EngineId, m.Incarnation); e != nil {
			e.draining = false
		}
	case *events.EngineObserved:
		if e := r.present(m.EngineId, m.Incarnation); e != nil {
			e.used = m.Used
		}
	case *events.PoolConfigured:
		r.settings = m.Settings
	}
}

func (r *recount) present(id, incarnation string) *station {
	if e := r.engines[id]; e != nil && !e.gone && e.spec.Incarnation == incarnation {
		return e
	}
	return nil
}

// left: an engine, of any incarnation if that is empty, is not there any more.
func (r *recount) left(id, incarnation string) {
	e := r.engines[id]
	if e == nil || incarnation != "" && e.spec.Incarnation != incarnation {
		return
	}
	for _, t := range e.running {
		r.stopped(t)
	}
	r.unreserve(e.heldFor)
	e.gone = true
}

func (r *recount) stopped(t *errand) {
	if t != nil && t.on != nil {
		delete(t.on.running, t.Id)
		t.on = nil
	}
}

func (r *recount) unreserve(t *errand) {
	if t != nil && t.holds != nil {
		t.holds.heldFor, t.holds = nil, nil
	}
}

func (r *recount) over(id, how string) error {
	t := r.tasks[id]
	if t == nil || t.ended != "" {
		return fmt.Errorf("task %q %s, which is not there or ended before: %+v", id, how, t)
	}
	r.stopped(t)
	r.unreserve(t)
	t.ended = how
	if how == "succeeded" {
		return nil
	}
	for _, other := range r.tasks {
		if other.ended == "" && slices.Contains(other.After, id) {
			other.doomed = true
		}
	}
	return nil
}

// waits says what keeps a task from being given to any engine; nil: nothing.
func (r *recount) waits(t *errand, atMs int64) error {
	switch {
	case t == nil:
		return fmt.Errorf("it was never accepted")
	case t.ended != "":
		return fmt.Errorf("it %s before", t.ended)
	case t.on != nil:
		return fmt.Errorf("it runs on %s", t.on.spec.Id)
	case atMs < t.NotBeforeMs:
		return fmt.Errorf("its time is %d, now is %d", t.NotBeforeMs, atMs)
	}
	for _, id := range t.After {
		if other := r.tasks[id]; other == nil || other.ended != "succeeded" {
			return fmt.Errorf("it comes after %q, which has not succeeded", id)
		}
	}
	running := 0
	for _, other := range r.tasks {
		if other.on != nil && other.LimitKey == t.LimitKey {
			running++
		}
	}
	if t.LimitKey != "" && running >= int(t.Limit) {
		return fmt.Errorf("%d with the limit key %q run, its limit is %d", running, t.LimitKey, t.Limit)
	}
	return nil
}

// suits tells whether e could take t now.
func (r *recount) suits(t *errand, e *station) bool {
	return e.ready() && slices.Contains(e.spec.Kinds, t.Kind) && e.fits(t) &&
		(e.heldFor == nil || e.heldFor == t || t.before(e.heldFor)) &&
		holds(fleetConditions, t.Predicate, r, t, e) && holds(fleetAccepts, e.spec.Accepts, r, t, e)
}

// before is the order of tasks that wait, by age, of which a level of priority is
// worth a minute.
func (t *errand) before(o *errand) bool {
	key := func(t *errand) int64 { return max(t.acceptedMs, t.NotBeforeMs) - 60_000*int64(t.Priority) }
	return key(t) <= key(o) // Whoever is equal may have been accepted before.
}

func (r *recount) assigned(m *events.TaskAssigned) error {
	t, e := r.tasks[m.TaskId], r.present(m.EngineId, m.Incarnation)
	if err := r.waits(t, m.AtMs); err != nil {
		return fmt.Errorf("task %q was assigned: %w", m.TaskId, err)
	}
	t.attempt = m.Attempt
	if e == nil || !r.suits(t, e) {
		return fmt.Errorf("task %q was assigned to %s, which could not take it: task %v, engine %+v", t.Id, m.EngineId, t.Task, e)
	}
	if err := r.checkScore(m, t, e); err != nil {
		return err
	}
	r.unreserve(t)
	t.on, e.running[t.Id] = e, t
	return nil
}

// checkScore: of those that could take it, none is liked better.
func (r *recount) checkScore(m *events.TaskAssigned, t *errand, on *station) error {
	i := slices.IndexFunc(fleetPreferences, func(p preference) bool { return p.text == t.Prefer })
	if i < 0 {
		if m.Score != nil {
			return fmt.Errorf("task %q has no preference, but score %v", t.Id, *m.Score)
		}
		return nil
	}
	score, scored := fleetPreferences[i].score(r, on)
	if scored != (m.Score != nil) || scored && score != *m.Score {
		return fmt.Errorf("task %q on %s: %s gives %v (%v), the event says %v", t.Id, on.spec.Id, t.Prefer, score, scored, m.Score)
	}
	for _, id := range slices.Sorted(maps.Keys(r.engines)) {
		e := r.engines[id]
		if !r.suits(t, e) {
			continue
		}
		if other, ok := fleetPreferences[i].score(r, e); ok && (!scored || other > score) {
			return fmt.Errorf("task %q went to %s with score %v (%v), although %s has %v by %s", t.Id, on.spec.Id, score, scored, id, other, t.Prefer)
		}
	}
	return nil
}

// reserved: an engine may be reserved for a task that could be given to it, were
// it empty, once the task was passed over for long enough; not for too many.
func (r *recount) reserved(m *events.TaskReserved) error {
	t, e := r.tasks[m.TaskId], r.present(m.EngineId, m.Incarnation)
	after := r.settings.GetReserveAfterMs()
	if after == 0 {
		after = 10_000
	}
	if err := r.waits(t, m.AtMs); err != nil {
		return fmt.Errorf("an engine was reserved for task %q: %w", m.TaskId, err)
	}
	ready, held := 0, 0
	for _, o := range r.engines {
		if o.ready() {
			ready++
		}
		if o.heldFor != nil {
			held++
		}
	}
	switch {
	case e == nil || !e.ready() || e.heldFor != nil:
		return fmt.Errorf("%s was reserved for task %q, and cannot be", m.EngineId, t.Id)
	case held >= max(1, ready/4):
		return fmt.Errorf("an engine was reserved for task %q; of %d engines %d were before", t.Id, ready, held)
	case after < 0 || m.AtMs-max(t.acceptedMs, t.NotBeforeMs) < after:
		return fmt.Errorf("an engine was reserved for task %q, accepted at %d, at %d; it is to be after %d ms", t.Id, t.acceptedMs, m.AtMs, after)
	}
	for dimension, need := range t.needs() {
		if need > e.spec.Allocatable[dimension] {
			return fmt.Errorf("%s was reserved for task %q, which is too large for it", m.EngineId, t.Id)
		}
	}
	r.unreserve(t)
	t.holds, e.heldFor = e, t
	return nil
}
