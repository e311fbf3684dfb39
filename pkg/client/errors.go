package client

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// Refused says that a command was understood and refused. Code is stable.
type Refused struct {
	Code    events.Code
	Message string
}

func (e *Refused) Error() string {
	if e.Message == "" {
		return string(e.Code)
	}
	return string(e.Code) + ": " + e.Message
}

// TaskFailed says that a task which was waited for did not succeed.
type TaskFailed struct{ Result Result }

func (e *TaskFailed) Error() string {
	what := fmt.Sprintf("task %s %s", e.Result.ID, e.Result.State)
	if e.Result.Attempt > 0 {
		what = fmt.Sprintf("%s at attempt %d", what, e.Result.Attempt)
	}
	switch {
	case e.Result.Error != nil && e.Result.Error.Message != "":
		return fmt.Sprintf("%s: %s: %s", what, e.Result.Error.Code, e.Result.Error.Message)
	case e.Result.Error != nil:
		return what + ": " + e.Result.Error.Code
	case e.Result.Reason != "":
		return what + ": " + e.Result.Reason
	}
	return what
}

// Unfinished says that a task was submitted, and had not ended when the wait for it did.
// It goes on.
type Unfinished struct {
	Pool events.Pool
	Task events.TaskID
	Err  error
}

func (e *Unfinished) Error() string { return e.Err.Error() }
func (e *Unfinished) Unwrap() error { return e.Err }

// Outcome is what became of a request that was to be submitted.
type Outcome uint8

const (
	// Certain: it stands in the log.
	Certain Outcome = iota
	// Denied: it was refused, and will be each time.
	Denied
	// Unknown: it may stand in the log or not. Submit it again under the same ID.
	Unknown
	// NotSent: it is certain not to stand in the log.
	NotSent
)

// OutcomeOf tells what the error of a call that submits says of its request. It is of
// Submit, SubmitAsync and Do, and their kind.
func OutcomeOf(err error) Outcome {
	var (
		refused    *Refused
		failed     *TaskFailed
		unfinished *Unfinished
		unsent     interface{ Unsent() bool }
	)
	switch {
	case err == nil, errors.As(err, &failed), errors.As(err, &unfinished):
		return Certain
	case errors.As(err, &refused), eventlog.IsRefused(err):
		return Denied
	case errors.As(err, &unsent) && unsent.Unsent(), eventlog.IsDenied(err):
		return NotSent
	}
	return Unknown
}

// unsent is an error that came before anything was sent.
type unsent struct{ error }

func (e unsent) Unwrap() error { return e.error }

// Unsent tells OutcomeOf so.
func (unsent) Unsent() bool { return true }

func notSent(err error) error { return unsent{err} }

// refusedBy is the refusal that an event says.
func refusedBy(m *events.TaskRejected) *Refused {
	return &Refused{Code: events.Code(m.Code), Message: m.Message}
}

// Unavailable says that no broker answered, that one refused (see cluster.IsDenied),
// or that there are no such topics (then Err is nil).
type Unavailable struct {
	Brokers []string
	Prefix  string
	// Topic is the one that is not there, if Err is nil.
	Topic string
	Err   error
}

func (e *Unavailable) Error() string {
	at := strings.Join(e.Brokers, ",")
	switch topics := (events.Topics{Prefix: e.Prefix}); {
	case e.Err != nil:
	case e.Topic == topics.IDEvents():
		return fmt.Sprintf("brokers at %s have no topic %s; give the right prefix, or start an allocator, which creates it", at, e.Topic)
	case e.Topic == topics.NetworkChanges():
		return fmt.Sprintf("brokers at %s have no topic %s; name the site of the global manager, or start one there (spanway serve manager --role global), which creates it", at, e.Topic)
	default:
		return fmt.Sprintf("brokers at %s have no topics %stasks.*; give the right prefix, or start a scheduler, which creates them", at, e.Prefix)
	}
	if cluster.IsDenied(e.Err) {
		return e.Err.Error() // A broker did answer.
	}
	why := e.Err
	var network *net.OpError
	if errors.As(e.Err, &network) {
		why = network // The rest only says who asked.
	}
	return fmt.Sprintf("no broker answers at %s (%v); look whether one runs there, and whether that is its address", at, why)
}

func (e *Unavailable) Unwrap() error { return e.Err }

// refusal makes what events.Refuse returned a *Refused, and leaves other errors.
func refusal(m *events.Malformed) *Refused { return &Refused{Code: m.Code, Message: m.Message} }
