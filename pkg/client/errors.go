package client

import (
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/spanway/spanway/pkg/cluster"
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

// Unavailable says that no broker answered, that one refused (see cluster.IsDenied),
// or that there are no such topics (then Err is nil).
type Unavailable struct {
	Brokers []string
	Prefix  string
	Err     error
}

func (e *Unavailable) Error() string {
	at := strings.Join(e.Brokers, ",")
	if e.Err == nil {
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
	return fmt.Sprintf("no broker answers at %s (%v); start one with \"spanway dev\" or name others with --brokers or SPANWAY_BROKERS", at, why)
}

func (e *Unavailable) Unwrap() error { return e.Err }

// refusal makes what events.Refuse returned a *Refused, and leaves other errors.
func refusal(m *events.Malformed) *Refused { return &Refused{Code: m.Code, Message: m.Message} }
