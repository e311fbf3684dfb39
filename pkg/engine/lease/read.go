package lease

import (
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// Read takes a page of the engine's partition of tasks.assignments. Pages must
// come in the order of the partition; one that comes again changes nothing.
func (h *Holder) Read(now int64, page events.Page) []Action {
	h.begin(now)
	for i := range page.Records {
		h.record(&page.Records[i])
	}
	h.next = max(h.next, page.Next)
	if h.state == Draining {
		h.overdue()
	}
	return h.out
}

// record looks at one record. Several engines share a partition, so what is for
// another is recognised by its key and left undecoded; its mark counts all the
// same, since all copies from one log stand in one order.
func (h *Holder) record(r *events.Record) {
	from, published := r.Header(events.HeaderFrom)
	if published {
		fresh, ok := h.marks.above(from)
		switch {
		case !ok: // Or far from all that was read.
			h.counts.Malformed++
			return
		case !fresh:
			h.counts.Repeated++
			return
		}
		if string(r.Key) != h.engine.Id {
			return
		}
	} else if t := events.TypeOfRecord(r); t != events.TypeEngineEcho && t != events.TypeLogRecovered {
		return
	}
	m, err := events.Message(r)
	if err != nil {
		h.counts.Malformed++
		return
	}
	if published {
		if a, ok := m.(*events.TaskAssigned); ok {
			continueTrace(a.Task, r)
		}
		h.event(m)
		return
	}
	switch m := m.(type) {
	case *events.EngineEcho:
		if m.Topic == h.reports && m.Partition == h.partition {
			h.echoed = h.now
		}
	case *events.LogRecovered:
		h.recover(m)
	}
}

// latest bounds the times of losses, in milliseconds since the Unix epoch: owners give none
// that is later.
const latest = 2 * 253_402_300_799_999

// continueTrace: an attempt's trace goes on from the record that brought it, if
// that says so, else from the task's producer.
func continueTrace(t *events.Task, r *events.Record) {
	if parent, ok := r.Header(events.HeaderTraceparent); ok && t != nil {
		state, _ := r.Header(events.HeaderTracestate)
		t.Traceparent, t.Tracestate = string(parent), string(state)
	}
}

// recover: a log has lost its tail and gives its numbers again, and its tokens.
// What was read of that tail never was: if this engine's own log is meant, it
// begins a new life, because neither its registration nor its attempts need be
// known any more. One loss may be told often, and late; it counts once.
func (h *Holder) recover(m *events.LogRecovered) {
	log := fmt.Sprintf("%s/%d", m.Topic, m.Partition)
	if m.AtMs > latest {
		h.counts.Malformed++ // No later loss could be heeded.
		return
	}
	if m.AtMs <= h.recovered[log] {
		h.counts.Repeated++
		return
	}
	h.recovered[log] = m.AtMs
	if !h.marks.lower(log, mark{m.Epoch, m.N}) || log != h.log {
		return
	}
	h.lastToken = 0 // Repeats are below the mark.
	if h.alive() {
		h.lose("the pool's log has lost its tail")
		h.again = true
	}
}

// event takes a published copy addressed to this engine's ID.
func (h *Holder) event(m any) {
	switch m := m.(type) {
	case *events.TaskAssigned:
		if h.mine(m.Pool, m.EngineId, m.Incarnation) {
			h.assigned(m)
		}
	case *events.TaskCancelled:
		h.revoked(m, Cancelled)
	case *events.TaskAttemptReturned:
		h.revoked(m, TakenBack)
	case *events.TaskAttemptFailed: // Only those that it did not report itself are published to it.
		h.revoked(m, TimedOut)
	case *events.EngineRegistered:
		h.registered(m.GetEngine())
	case *events.EngineRegistrationRefused:
		switch {
		case !h.mine(m.Pool, m.EngineId, m.Incarnation) || !h.alive():
		case m.Code == string(events.CodeStaleIncarnation) && h.insists():
			h.insisted = true
			h.lose("the registration was refused: " + m.Message)
		default:
			h.refuse(fmt.Errorf("register engine %q in pool %q: refused with %s: %s",
				h.engine.Id, h.engine.Pool, m.Code, m.Message))
		}
	case *events.EngineLost:
		if h.mine(m.Pool, m.EngineId, m.Incarnation) && h.alive() {
			h.lose("the scheduler declared it lost: " + m.Reason)
		}
	}
}

// insists tells whether an engine that was taken for an older life of its ID tries once
// more, from behind that refusal, where it is surely the later one: its host's clock may
// be behind that of a life that was killed before it was answered. One that has reached
// the broker all the while has just started. One that has not may have slept meanwhile,
// and what is there be its successor; and one that insisted before meets another process
// that does.
func (h *Holder) insists() bool {
	return h.state == Registering && !h.insisted && !h.slept && h.now-h.reached <= h.patience
}

// mine tells whether an event means this life of this engine. Engine IDs are
// unique in their pool only, so two pools may use one key.
func (h *Holder) mine(pool, id, incarnation string) bool {
	if pool != h.engine.Pool || id != h.engine.Id {
		return false
	}
	if incarnation != h.engine.Incarnation {
		h.counts.Foreign++
		return false
	}
	return true
}

// alive: it has told the scheduler of itself and has not ended.
func (h *Holder) alive() bool {
	return h.state == Registering || h.state == Ready || h.state == Draining
}

// registered: this life is known to the scheduler, or another has taken its
// place. Incarnations are made by hosts' clocks, so they do not tell which of
// two is the later one; the order of the log does. Before this life's own
// registration is answered, that of another is older or will be held against
// it in the answer.
func (h *Holder) registered(e *events.Engine) {
	if e.GetPool() != h.engine.Pool || e.GetId() != h.engine.Id || h.state == Departed || h.state == Refused {
		return
	}
	switch {
	case e.Incarnation == h.engine.Incarnation:
		if h.state == Registering {
			h.state, h.insisted = Ready, false
			h.act(Action{Verb: BecameReady})
		}
	case h.again: // Below the lowered mark old registrations come again, its own among them.
	case h.state != Registering: // Also when adrift: it woke up and was replaced.
		h.refuse(fmt.Errorf("engine %q in pool %q was registered by another process (incarnation %s, here %s): give each engine an ID of its own",
			h.engine.Id, h.engine.Pool, e.Incarnation, h.engine.Incarnation))
	}
}
