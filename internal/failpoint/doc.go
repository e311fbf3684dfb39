// Package failpoint names the places in a process where a crash is worst, so
// that tests can put one there. A program built as usual has nothing of it; one
// built with the tag failpoints reads the variable SPANWAY_FAILPOINT:
//
//	SPANWAY_FAILPOINT=log.appended:3:kill
//
// kills the process (kill -9, by itself) when it comes to the point
// log.appended for the third time; stop instead of kill stops it (SIGSTOP). The
// name goes to stderr first.
package failpoint

// Points of a scheduler, in the order in which an input meets them.
const (
	// InputsRead: inputs were read, nothing is decided on them.
	InputsRead = "inputs.read"
	// LogAppending: a batch was decided and is about to be appended.
	LogAppending = "log.appending"
	// LogAppended: the broker has acknowledged a batch; nothing was published.
	LogAppended = "log.appended"
	// ClaimAppended: the broker has acknowledged a claim; it was not read back.
	ClaimAppended = "claim.appended"
	// PublishSending: a record that a counted event causes is about to be sent.
	PublishSending = "publish.sending"
	// PublishAcked: the broker has it; the log does not know yet.
	PublishAcked = "publish.acked"
)

// Points of an engine, in the order in which a task meets them.
const (
	// EngineRead: assignments were read, nothing is begun.
	EngineRead = "engine.read"
	// EngineStarting: a handler is about to be entered.
	EngineStarting = "engine.starting"
	// EngineHandled: a handler has returned; nobody knows.
	EngineHandled = "engine.handled"
	// EngineReporting: its report is about to be sent.
	EngineReporting = "engine.reporting"
	// EngineReported: the broker has acknowledged the report.
	EngineReported = "engine.reported"
)

// Points of a host of a shared log.
const (
	// CallsAppending: calls are about to be appended.
	CallsAppending = "calls.appending"
	// CallsAppended: calls are in the log, and their callers are not told. The broker has
	// acknowledged them, or the fold has met them: either may be first.
	CallsAppended = "calls.appended"
)

// Points of an allocator, in the order in which a request for a range meets them.
const (
	// RangeProposed: the store has proposed ranges, nothing is in the log.
	RangeProposed = "range.proposed"
	// RangeDecided: the fold has decided a request; it is not answered.
	RangeDecided = "range.decided"
	// RangeAnswered: the answer is in the log; the request is not acknowledged to the group.
	RangeAnswered = "range.answered"
)

// Points of a replicator, in the order in which a record meets them.
const (
	// CopyFetched: a page of the source was read, nothing is done with it.
	CopyFetched = "copy.fetched"
	// CopyAppending: a batch is about to be appended to the target.
	CopyAppending = "copy.appending"
	// CopySent: a batch was sent to the target's broker, which may have appended it or not.
	CopySent = "copy.sent"
	// CopyAppended: the answer to a batch that was sent has come, and was not read.
	CopyAppended = "copy.appended"
	// CopyAcknowledged: a batch is known to be appended; nothing is done about it.
	CopyAcknowledged = "copy.acknowledged"
	// CopyCheckpointed: a checkpoint is saved; nothing is done about it.
	CopyCheckpointed = "copy.checkpointed"
)

// The points of each service; those of hosts of shared logs are with the allocator's.
var (
	Scheduler  = []string{InputsRead, LogAppending, LogAppended, ClaimAppended, PublishSending, PublishAcked}
	Engine     = []string{EngineRead, EngineStarting, EngineHandled, EngineReporting, EngineReported}
	Allocator  = []string{CallsAppending, CallsAppended, RangeProposed, RangeDecided, RangeAnswered}
	Replicator = []string{CopyFetched, CopyAppending, CopySent, CopyAppended, CopyAcknowledged, CopyCheckpointed}
)
