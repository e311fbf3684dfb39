package lease

import (
	"fmt"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// What the attempts held need is promised to them and within what the engine
// has. What handlers use can be more than that for a while: a handler that was
// stopped uses what it needs until it returns, but its attempt may be over by
// then and the room for it promised to another, which waits until it is there.

const (
	// abandonAfter bounds how long a handler that does not heed its end costs
	// the engine the room for it.
	abandonAfter = 30_000
	// mostWait is what waiting may add to an attempt's execution timeout. With
	// settleWithin it is less than the 5 s by which the scheduler times out later.
	mostWait = 2000
)

// oneSlot is needed by a task that names no needs.
var oneSlot = map[string]int64{"slots": 1}

func needs(t *events.Task) map[string]int64 {
	if len(t.Needs) == 0 {
		return oneSlot
	}
	return t.Needs
}

func reserve(of map[string]int64, t *events.Task, sign int64) {
	for name, n := range needs(t) {
		of[name] += sign * n
	}
}

// within tells whether a task's needs are left of what the engine has.
func (h *Holder) within(taken map[string]int64, t *events.Task) bool {
	for name, n := range needs(t) {
		if n < 0 || n > h.engine.Allocatable[name]-taken[name] {
			return false
		}
	}
	return true
}

// short names the first dimension that the task needs more of than is promised
// to nobody.
func (h *Holder) short(t *events.Task) string {
	if h.within(h.promised, t) {
		return ""
	}
	names := make([]string, 0, len(t.Needs))
	for name := range needs(t) {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		n, free := needs(t)[name], h.engine.Allocatable[name]-h.promised[name]
		if n < 0 || n > free {
			return fmt.Sprintf("needs %s=%d, of which %d are free", name, n, free)
		}
	}
	return ""
}

// take holds an attempt, and starts it unless stopped handlers are in its way.
// One that has a timeout is handed back when it has waited for half of it.
func (h *Holder) take(a *Attempt) {
	if h.state == Registering {
		// Whoever is given work is registered, whatever became of the record
		// that said so.
		h.state = Ready
		h.act(Action{Verb: BecameReady})
	}
	h.held[a.Token] = a
	reserve(h.promised, a.Task, 1)
	if h.within(h.used, a.Task) {
		h.start(a)
		return
	}
	h.queue = append(h.queue, a)
	if t := a.Task.ExecutionTimeoutMs; t > 0 {
		a.deadline = a.received + max(t/2, mostWait)
		h.dueBy(a.deadline)
	}
}

func (h *Holder) start(a *Attempt) {
	a.handler, a.begun, a.deadline = runs, h.now, 0
	if t := a.Task.ExecutionTimeoutMs; t > 0 {
		a.deadline = min(a.begun, a.received+mostWait) + t
		h.dueBy(a.deadline)
	}
	reserve(h.used, a.Task, 1)
	h.young = append(h.young, a)
	h.counts.Started++
	h.act(Action{Verb: Start, Attempt: a, Token: a.Token})
}

// fill starts what waits and has room now. One that has none does not hold up
// those behind it: all that are held fit once the stopped handlers are gone, so
// none can take another's place for good.
func (h *Holder) fill() {
	if len(h.queue) == 0 {
		return
	}
	h.queue = slices.DeleteFunc(h.queue, func(a *Attempt) bool {
		if h.held[a.Token] != a {
			return true // It is over.
		}
		if !h.within(h.used, a.Task) {
			return false
		}
		h.start(a)
		return true
	})
}

// handBackAll returns what waits: an engine that leaves starts nothing more.
func (h *Holder) handBackAll() {
	for _, a := range h.queue {
		if h.held[a.Token] == a {
			h.handBack(a, "the engine is leaving")
		}
	}
	h.queue = h.queue[:0]
}

// handBack reports an attempt that was never started.
func (h *Holder) handBack(a *Attempt, why string) {
	h.forget(a)
	h.counts.Finished++
	h.reportEnd(a, returned(why))
}

// stop tells a handler to end. It can be told again for another cause.
func (h *Holder) stop(a *Attempt, cause Cause) {
	if a.stopped == 0 {
		a.stopped, a.abandonBy = cause, h.now+abandonAfter
	}
	h.act(Action{Verb: Stop, Token: a.Token, Cause: cause})
}

// forget ends the holding of an attempt. Its handler, if it has not returned,
// keeps what it uses.
func (h *Holder) forget(a *Attempt) {
	delete(h.held, a.Token)
	reserve(h.promised, a.Task, -1)
	if a.handler == runs {
		h.stopping[a.Token] = a
		h.dueBy(a.abandonBy)
	}
}

// vacate takes note that a handler has returned, or abandons it.
func (h *Holder) vacate(a *Attempt) {
	a.handler = gone
	delete(h.stopping, a.Token)
	reserve(h.used, a.Task, -1)
}

// abandon gives up waiting for handlers that were stopped long ago.
func (h *Holder) abandon() {
	for _, token := range sorted(h.stopping) {
		a := h.stopping[token]
		if h.now < a.abandonBy {
			h.dueBy(a.abandonBy)
			continue
		}
		h.vacate(a)
		h.counts.Abandoned++
		h.act(Action{Verb: Abandon, Attempt: a, Token: token})
	}
	h.fill()
}
