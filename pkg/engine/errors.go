package engine

import (
	"errors"

	"github.com/spanway/spanway/pkg/engine/lease"
	"github.com/spanway/spanway/pkg/events"
)

// Why a handler's context ended, as context.Cause tells it.
var (
	// ErrCancelled: the task was cancelled.
	ErrCancelled = errors.New("the task was cancelled")
	// ErrTakenBack: the scheduler believes that the attempt never arrived here,
	// and has placed the task again.
	ErrTakenBack = errors.New("the scheduler took the attempt back")
	// ErrTimeout: the task's execution timeout is over.
	ErrTimeout = errors.New("the execution timeout is over")
	// ErrDraining: the engine leaves and its grace period is over; the task is
	// handed back at no cost.
	ErrDraining = errors.New("the engine is leaving")
	// ErrLost: the engine may be believed dead and its work placed elsewhere.
	ErrLost = errors.New("the engine lost its lease")
)

// Codes of failures that handlers give no code.
const (
	// CodeError: a handler returned an error without a code.
	CodeError = "ERROR"
	// CodePanic: a handler panicked.
	CodePanic = "PANIC"
	// CodeBadPayload: JSON could not read the payload.
	CodeBadPayload = "BAD_PAYLOAD"
)

// failure is an error with what the scheduler should know of it.
type failure struct {
	code  string
	final bool
	err   error
}

func (f *failure) Error() string {
	if f.err == nil {
		return f.code
	}
	return f.err.Error()
}

func (f *failure) Unwrap() error { return f.err }

// Final marks an error after which the task must not be tried again. Final(nil)
// is nil.
func Final(err error) error {
	if err == nil {
		return nil
	}
	return &failure{final: true, err: err}
}

// Fail gives an error a code, a stable name such as "NOT_FOUND" that retry
// policies and people can tell it by. The two can be combined:
// Final(Fail("NOT_FOUND", err)).
func Fail(code string, err error) error { return &failure{code: code, err: err} }

// CodeOf is what the scheduler is told of a handler's error: its code, and
// whether the task must not be tried again. Of nil both are empty.
func CodeOf(err error) (code string, final bool) {
	for e := err; ; {
		var f *failure
		if !errors.As(e, &f) {
			break
		}
		if code == "" {
			code = f.code
		}
		final = final || f.final
		e = f.err
	}
	if code == "" && err != nil {
		code = CodeError
	}
	return code, final
}

func failed(err error) lease.Result {
	code, final := CodeOf(err)
	r := lease.Result{
		Outcome: events.AttemptFinished_FAILED,
		Error:   &events.TaskError{Code: code, Message: err.Error()},
	}
	if final {
		r.Outcome = events.AttemptFinished_FAILED_FINALLY
	}
	return r
}

func causeError(c lease.Cause) error {
	switch c {
	case lease.Cancelled:
		return ErrCancelled
	case lease.TakenBack:
		return ErrTakenBack
	case lease.TimedOut:
		return ErrTimeout
	case lease.Drained:
		return ErrDraining
	}
	return ErrLost
}
