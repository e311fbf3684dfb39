package lease

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Wake is when Tick should be called at the latest.
func (h *Holder) Wake() int64 {
	at := h.nextBeat
	h.shed()
	if len(h.young) > 0 {
		at = min(at, h.young[0].begun+startedAfter)
	}
	if len(h.quiet) > 0 {
		at = min(at, h.quiet[0].quietUntil)
	}
	if len(h.writing) > 0 {
		at = min(at, h.writing[0].output.due)
	}
	if h.due > 0 {
		at = min(at, h.due)
	}
	if h.state == Draining {
		at = min(at, h.graceEnds)
	}
	return at
}

// Tick does what is due by now.
func (h *Holder) Tick(now int64) []Action {
	h.begin(now)
	if !h.alive() {
		return h.out
	}
	if h.now >= h.nextBeat {
		h.beat()
	}
	h.reportStarted()
	h.reportProgress()
	h.reportOutput()
	h.overdue()
	return h.out
}

// Acked says that the broker acknowledged the beat sent at sentAt.
func (h *Holder) Acked(sentAt int64) { h.reached = max(h.reached, sentAt) }

// Undelivered says that a report was given up: the scheduler will never know of
// it, so this life is not what it believes it to be.
func (h *Holder) Undelivered(now int64, incarnation events.Incarnation) []Action {
	h.begin(now)
	if string(incarnation) == h.engine.Incarnation && (h.state == Ready || h.state == Draining) {
		h.lose("a report could not be delivered")
	}
	return h.out
}

// beat sends a sign of life. Until the scheduler has answered, the registration
// goes with it: the one before may have been lost with a broker.
//
// What it says of receipt is exact, since a record raises its mark in the very
// call that takes or refuses the attempt, and reports keep their order: an
// assignment at or before the mark is running, or its end was reported before
// this beat, or was told by the scheduler itself; otherwise it was not received.
func (h *Holder) beat() {
	h.nextBeat = h.now + h.beatEvery
	if h.state == Registering {
		h.send(&events.EngineRegistration{Engine: proto.CloneOf(h.engine)}, true)
	}
	held := sorted(h.held)
	running := make([]uint64, len(held))
	for i, t := range held {
		running[i] = uint64(t)
	}
	read := h.marks.of(h.log)
	h.send(&events.EngineHeartbeat{
		EngineId: h.engine.Id, Incarnation: h.engine.Incarnation, Pool: h.engine.Pool,
		AssignmentsNext: h.next, Running: running, ReceivedEpoch: read.epoch, ReceivedN: read.n,
		Used: h.measured,
	}, true)
}

// Observed says what is measured as used on the engine, whoever uses it. From
// now on heartbeats tell so, but for what the engine does not offer.
func (h *Holder) Observed(used map[string]int64) {
	h.measured = nil
	for name, n := range used {
		if _, offered := h.engine.Allocatable[name]; offered && n >= 0 {
			if h.measured == nil {
				h.measured = map[string]int64{}
			}
			h.measured[name] = n
		}
	}
}

// reportStarted reports the attempts that have run for a while.
func (h *Holder) reportStarted() {
	for len(h.young) > 0 && h.young[0].begun+startedAfter <= h.now {
		if a := h.young[0]; h.held[a.Token] == a {
			a.started = true
			h.report(Report{Attempt: a, Message: &events.AttemptStarted{
				TaskId: a.Task.Id, Pool: h.engine.Pool, EngineId: h.engine.Id, Incarnation: h.engine.Incarnation,
				Attempt: a.Number, Token: uint64(a.Token),
			}})
		}
		h.young = h.young[1:]
	}
}

// shed drops from the front what has ended young.
func (h *Holder) shed() {
	for len(h.young) > 0 && h.held[h.young[0].Token] != h.young[0] {
		h.young = h.young[1:]
	}
}

func (h *Holder) dueBy(at int64) {
	if h.due == 0 || at < h.due {
		h.due = at
	}
}

// overdue stops what ran for too long, reports what was stopped and does not
// end, and departs when the engine drains and nothing is left.
func (h *Holder) overdue() {
	if h.due > 0 && h.now >= h.due {
		h.due = 0
		h.look(false)
	}
	if h.state != Draining {
		return
	}
	if len(h.held) > 0 && h.now >= h.graceEnds {
		h.graceEnds = h.now + settleWithin // Not before then need anybody look again.
		h.look(true)
	}
	if len(h.held) == 0 {
		h.depart()
	}
}

// look goes through the attempts in the order of their tokens, and finds out
// anew when the next is due.
func (h *Holder) look(drain bool) {
	for _, token := range sorted(h.held) {
		a := h.held[token]
		late := a.deadline > 0 && h.now >= a.deadline
		switch {
		case a.handler == waits && late:
			h.handBack(a, "handlers that were stopped left no room for it in time")
			continue
		case a.stopped != 0 && h.now >= a.settleBy:
			h.finish(a, Result{})
			continue
		case a.handler == waits || a.stopped != 0:
		case late:
			h.settle(a, TimedOut)
		case drain:
			h.settle(a, Drained)
		}
		switch {
		case a.stopped != 0:
			h.dueBy(a.settleBy)
		case a.deadline > 0:
			h.dueBy(a.deadline)
		}
	}
	h.abandon()
}

// settle stops an attempt's handler and gives it a while to end by itself.
func (h *Holder) settle(a *Attempt, cause Cause) {
	h.stop(a, cause)
	a.settleBy = h.now + settleWithin
}

// Tokens lists the attempts held, ascending.
func (h *Holder) Tokens() []events.Token { return slices.Clip(sorted(h.held)) }
