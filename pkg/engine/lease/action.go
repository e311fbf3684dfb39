package lease

import (
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Verb is what an action asks of the caller.
type Verb uint8

const (
	// Start: run the handler for Attempt; tell its end by Finished, also after a
	// Stop, since it uses what it needs until then.
	Start Verb = iota + 1
	// Stop: cancel the handler of Token because of Cause.
	Stop
	// Abandon: the handler of Token did not heed its Stop for so long that what
	// it uses is given to others. An operator should know.
	Abandon
	// Send: append Report to the engine's partition of engines.reports. Reports
	// keep their order.
	Send
	// BecameReady: the scheduler knows this incarnation.
	BecameReady
	// RegisterAnew: the lease is lost, as Reason says; call Register with a new
	// incarnation.
	RegisterAnew
	// Depart: it is over. Send what is yet to be sent and go.
	Depart
)

// String names the verb.
func (v Verb) String() string {
	return [...]string{"none", "start", "stop", "abandon", "send", "became ready", "register anew", "depart"}[min(v, Depart)]
}

// Cause is why a handler is stopped.
type Cause uint8

const (
	// Cancelled: the task was cancelled.
	Cancelled Cause = iota + 1
	// TakenBack: the scheduler believes that the attempt never arrived.
	TakenBack
	// TimedOut: its execution timeout is over.
	TimedOut
	// Drained: the engine leaves and its grace period is over.
	Drained
	// Lost: the engine lost its lease; another may run the task already.
	Lost
)

// String names the cause.
func (c Cause) String() string {
	return [...]string{"none", "cancelled", "taken back", "timed out", "drained", "lost"}[min(c, Lost)]
}

// Action is one thing for the caller to do; which fields are set is said at
// the verbs.
type Action struct {
	Verb    Verb
	Attempt *Attempt
	Token   events.Token
	Cause   Cause
	Report  Report
	Reason  string
}

// Report is a record for engines.reports.
type Report struct {
	// ID becomes ce_id: the incarnation and a running number.
	ID      string
	Message proto.Message
	// Beat is set on heartbeats and registrations: when the broker has
	// acknowledged one, tell Acked its SentAt.
	Beat   bool
	SentAt int64
	// Attempt is what is reported of; nil if it is the engine.
	Attempt *Attempt
}

// Attempt is one try of a task on this engine.
type Attempt struct {
	// Task has the trace context that the attempt goes on from.
	Task   *events.Task
	Number int32
	Token  events.Token

	received int64
	begun    int64
	handler  handler
	deadline int64 // when it times out, or is handed back if it waits; 0: none
	started  bool  // reported as started
	// quietUntil is when progress may be reported again, 0 if it may be; what
	// is unsaid until then waits in progress.
	quietUntil int64
	progress   []byte
	// progressType is the content type of progress.
	progressType string
	unsaid       bool
	output       *output // nil until it writes any

	stopped   Cause // 0: not told to stop
	settleBy  int64 // once stopped: reported then even if its handler goes on
	abandonBy int64 // once stopped: what it uses is not counted from then on
}

// handler is where the handler of an attempt is.
type handler uint8

const (
	waits handler = iota // for room
	runs
	gone // it returned or was abandoned
)

// Result is how a handler ended.
type Result struct {
	// Outcome is SUCCEEDED, FAILED or FAILED_FINALLY.
	Outcome events.AttemptFinished_Outcome
	Data    []byte
	Type    string
	Error   *events.TaskError
}
