package lease

import (
	"fmt"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// Codes of attempts that this package ends or refuses.
const (
	// CodeTimeout: the execution timeout was over.
	CodeTimeout = "TIMEOUT"
	// CodeKindUnhandled: the engine has no handler for the kind.
	CodeKindUnhandled = "KIND_UNHANDLED"
	// CodeNoCapacity: the engine does not have what the task needs.
	CodeNoCapacity = "NO_CAPACITY"
	// CodeDraining: the engine leaves and takes no new work.
	CodeDraining = "DRAINING"
	// CodeReturned: the engine left before the handler was done, or never came
	// to start it.
	CodeReturned = "RETURNED"
	// CodeResultTooLarge: the result is above events.MaxPayloadBytes.
	CodeResultTooLarge = string(events.CodeTooLarge)
	// CodeBadData: the assignment holds no task.
	CodeBadData = string(events.CodeBadData)
)

// Bounds of what handlers say: it ends up in the log.
const (
	maxErrorBytes = 4 << 10
	maxNameBytes  = 256
)

// assigned takes or refuses an assignment to this incarnation. Tokens grow in
// the order in which they are published, so one that is not above the last was
// decided on before and cannot start again.
func (h *Holder) assigned(m *events.TaskAssigned) {
	token := events.Token(m.Token)
	if !h.alive() || token <= h.lastToken {
		h.counts.Repeated++
		return
	}
	h.lastToken = token
	a := &Attempt{Task: m.Task, Number: m.Attempt, Token: token, received: h.now}
	if a.Task == nil {
		h.refuseAttempt(&Attempt{Task: &events.Task{Id: m.TaskId, Pool: m.Pool}, Number: m.Attempt, Token: token},
			CodeBadData, "the assignment holds no task")
		return
	}
	switch short := h.short(a.Task); {
	case h.stopping[token] != nil:
		h.refuseAttempt(a, CodeNoCapacity, "a handler of an attempt with this token, which the log has lost, has not ended yet")
	case h.state == Draining:
		h.refuseAttempt(a, CodeDraining, "the engine is leaving")
	case !h.kinds[a.Task.Kind]:
		h.refuseAttempt(a, CodeKindUnhandled, fmt.Sprintf("no handler for kind %q", a.Task.Kind))
	case short != "":
		h.refuseAttempt(a, CodeNoCapacity, short)
	default:
		h.take(a)
	}
}

// revocation is an event that ends an attempt.
type revocation interface {
	GetTaskId() string
	GetPool() string
	GetEngineId() string
	GetToken() uint64
}

// revoked forgets an attempt that the scheduler has ended: there is nothing to
// report, and its capacity was given to others.
func (h *Holder) revoked(m revocation, cause Cause) {
	a := h.held[events.Token(m.GetToken())]
	if a == nil || m.GetPool() != h.engine.Pool || m.GetEngineId() != h.engine.Id || m.GetTaskId() != a.Task.Id {
		return
	}
	h.counts.Cancelled++
	if a.handler == runs {
		h.stop(a, cause)
	}
	h.forget(a)
}

// Finished says how the handler of an attempt ended. If the attempt is not held
// any more, this only makes room.
func (h *Holder) Finished(now int64, token events.Token, r Result) []Action {
	h.begin(now)
	if a := h.held[token]; a != nil && a.handler == runs {
		h.vacate(a)
		h.finish(a, r)
		if h.state == Draining {
			h.overdue()
		}
	} else if a := h.stopping[token]; a != nil {
		h.vacate(a)
	}
	h.fill()
	return h.out
}

// finish reports an attempt's end. A handler that was stopped and succeeded all
// the same has succeeded; any other end of it is due to what stopped it.
func (h *Holder) finish(a *Attempt, r Result) {
	if r.Outcome != events.AttemptFinished_SUCCEEDED && a.stopped != 0 {
		r = h.stoppedResult(a)
	}
	if len(r.Data) > events.MaxPayloadBytes {
		r = Result{Outcome: events.AttemptFinished_FAILED_FINALLY, Error: &events.TaskError{
			Code:    CodeResultTooLarge,
			Message: fmt.Sprintf("a result of %d bytes; at most %d are carried, larger ones go by reference", len(r.Data), events.MaxPayloadBytes),
		}}
	}
	h.flushOutput(a)
	h.forget(a)
	h.counts.Finished++
	h.reportEnd(a, r)
}

func (h *Holder) stoppedResult(a *Attempt) Result {
	if a.stopped == Drained {
		return returned("the engine left before the handler was done")
	}
	return Result{Outcome: events.AttemptFinished_FAILED, Error: &events.TaskError{
		Code: CodeTimeout, Message: fmt.Sprintf("not done within %d ms", a.Task.ExecutionTimeoutMs),
	}}
}

func returned(why string) Result {
	return Result{Outcome: events.AttemptFinished_RETURNED, Error: &events.TaskError{Code: CodeReturned, Message: why}}
}

func (h *Holder) refuseAttempt(a *Attempt, code, message string) {
	h.counts.Refused++
	h.reportEnd(a, Result{
		Outcome: events.AttemptFinished_REFUSED, Error: &events.TaskError{Code: code, Message: message},
	})
}

func (h *Holder) reportEnd(a *Attempt, r Result) {
	h.report(Report{Attempt: a, Message: &events.AttemptFinished{
		TaskId: a.Task.Id, Pool: h.engine.Pool, EngineId: h.engine.Id, Incarnation: h.engine.Incarnation,
		Attempt: a.Number, Token: uint64(a.Token),
		Outcome: r.Outcome, Result: r.Data, ResultType: clean(r.Type, maxNameBytes), Error: cleanError(r.Error),
	}})
}

// cleanError makes what a handler says fit for the wire.
func cleanError(e *events.TaskError) *events.TaskError {
	if e == nil {
		return nil
	}
	return &events.TaskError{Code: clean(e.Code, maxNameBytes), Message: clean(e.Message, maxErrorBytes)}
}

// clean cuts s to at most so many bytes and replaces what is not UTF-8, which
// could not be encoded.
func clean(s string, most int) string {
	return string(events.Cut([]byte(strings.ToValidUTF8(s, "\uFFFD")), most))
}
