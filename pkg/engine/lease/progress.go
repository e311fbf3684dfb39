package lease

import (
	"github.com/spanway/spanway/pkg/events"
)

// quietFor lies between two reports of an attempt's progress, so that a handler
// that tells it in a loop does not flood the log.
const quietFor = 1000

// Progressed takes data, of a content type, from a handler that still runs and
// keeps them until they may be reported: newer ones take their place, and the
// end of the attempt makes them void. It is false if the attempt is not held any more.
func (h *Holder) Progressed(now int64, token events.Token, typ string, data []byte) ([]Action, bool) {
	h.begin(now)
	a := h.held[token]
	if a == nil {
		return h.out, false
	}
	a.progress, a.progressType, a.unsaid = data, typ, true
	if a.quietUntil == 0 {
		h.say(a)
	}
	return h.out, true
}

// say reports the newest progress.
func (h *Holder) say(a *Attempt) {
	h.sayProgress(a, a.progressType, a.progress)
	a.progress, a.progressType, a.unsaid = nil, "", false
	a.quietUntil = h.now + quietFor
	h.quiet = append(h.quiet, a)
}

func (h *Holder) sayProgress(a *Attempt, typ string, data []byte) {
	h.report(Report{Attempt: a, Message: &events.AttemptProgressed{
		TaskId: a.Task.Id, Pool: h.engine.Pool, EngineId: h.engine.Id, Incarnation: h.engine.Incarnation,
		Attempt: a.Number, Token: uint64(a.Token), Data: data, DataType: clean(typ, maxNameBytes),
	}})
}

// reportProgress goes through the attempts that have been quiet for long enough.
func (h *Holder) reportProgress() {
	for len(h.quiet) > 0 && h.quiet[0].quietUntil <= h.now {
		a := h.quiet[0]
		h.quiet = h.quiet[1:]
		a.quietUntil = 0
		if a.unsaid && h.held[a.Token] == a {
			h.say(a)
		}
	}
}
