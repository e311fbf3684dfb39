package client

import (
	"github.com/spanway/spanway/pkg/events"
)

// State is where a task stands.
type State string

// The states of a task, as `task show` prints them.
const (
	Pending   State = "pending"
	Assigned  State = "assigned"
	Running   State = "running"
	Succeeded State = "succeeded"
	Failed    State = "failed"
	Expired   State = "expired"
	Cancelled State = "cancelled"
	Rejected  State = "rejected"
	// Dead: its attempts are used up.
	Dead State = "dead"
)

// ReasonExpired is the reason of a Result that is Expired.
const ReasonExpired = "no engine took it within its schedule timeout"

// Ended tells whether nothing more will happen to the task.
func (s State) Ended() bool {
	switch s {
	case Pending, Assigned, Running, "":
		return false
	}
	return true
}

// Result is how a task ended.
type Result struct {
	ID    events.TaskID
	Pool  events.Pool
	State State
	// Data is what the handler returned, of content type Type.
	Data []byte
	Type string
	// Engine, Attempt and Token are of the attempt that ended it, if one did.
	Engine  events.EngineID
	Attempt int32
	Token   events.Token
	// Error is why it failed or died.
	Error *events.TaskError
	// Reason is why it was cancelled or rejected.
	Reason string
	Code   events.Code // of a rejection
	// Offset of the terminal event in the pool's partition of tasks.events, and
	// its time in milliseconds since the Unix epoch.
	Offset int64
	AtMs   int64
	// Repeated: the ID had been submitted before, so this is what became of that
	// request, which may have asked for something else. Only Do tells.
	Repeated bool
}

// Err is nil if the task succeeded, *Refused if it was rejected, else *TaskFailed.
func (r Result) Err() error {
	switch r.State {
	case Succeeded:
		return nil
	case Rejected:
		return &Refused{Code: r.Code, Message: r.Reason}
	}
	return &TaskFailed{Result: r}
}

// resultOf reads a terminal event, but for a rejection, which is of one request
// and not always of the task that it names.
func resultOf(l events.Logged) (Result, bool) {
	r := Result{Offset: l.Offset}
	switch m := l.Message.(type) {
	case *events.TaskSucceeded:
		r.of(m, Succeeded)
		r.attempt(m)
		r.Data, r.Type = m.Result, m.ResultType
	case *events.TaskFailed:
		r.of(m, Failed)
		r.attempt(m)
		r.Error = m.Error
	case *events.TaskDeadLettered:
		r.of(m, Dead)
		r.Attempt, r.Error = m.Attempts, m.Error
	case *events.TaskExpired:
		r.of(m, Expired)
		r.Reason = ReasonExpired
	case *events.TaskCancelled:
		r.of(m, Cancelled)
		r.Reason, r.Engine, r.Token = m.Reason, events.EngineID(m.EngineId), events.Token(m.Token)
	default:
		return Result{}, false
	}
	return r, true
}

func (r *Result) of(m interface {
	GetTaskId() string
	GetPool() string
	GetAtMs() int64
}, s State) {
	r.ID, r.Pool, r.State, r.AtMs = events.TaskID(m.GetTaskId()), events.Pool(m.GetPool()), s, m.GetAtMs()
}

func (r *Result) attempt(m interface {
	GetEngineId() string
	GetAttempt() int32
	GetToken() uint64
}) {
	r.Engine, r.Attempt, r.Token = events.EngineID(m.GetEngineId()), m.GetAttempt(), events.Token(m.GetToken())
}

func resultOfRejected(m *events.TaskRejected) Result {
	var r Result
	r.of(m, Rejected)
	r.Code, r.Reason = events.Code(m.Code), m.Message
	return r
}
