package events

import "fmt"

// Code says why something was refused. Codes are stable; messages are not.
type Code string

// The refusals of wire.md, and those that ADR 0005 adds.
const (
	CodeBadEnvelope        Code = "BAD_ENVELOPE"
	CodeBadData            Code = "BAD_DATA"
	CodeUnknownField       Code = "UNKNOWN_FIELD"
	CodeUnknownType        Code = "UNKNOWN_TYPE"
	CodeBadPredicate       Code = "BAD_PREDICATE"
	CodePredicateTooCostly Code = "PREDICATE_TOO_COSTLY"
	CodeBadNeeds           Code = "BAD_NEEDS"
	CodeTooLarge           Code = "TOO_LARGE"
	CodePoolFull           Code = "POOL_FULL"
	// CodeUnknownTask: a command names a task that is not known (any more).
	CodeUnknownTask Code = "UNKNOWN_TASK"
	// CodeUnknownEngine: a command names an engine that the pool does not have.
	CodeUnknownEngine Code = "UNKNOWN_ENGINE"
	// CodeNotEnded: a retry was asked for a task that has not ended.
	CodeNotEnded Code = "NOT_ENDED"
	// CodeAlreadyEnded: a cancel was asked for a task that has ended.
	CodeAlreadyEnded Code = "ALREADY_ENDED"
	// CodeStaleIncarnation: a newer incarnation of the engine is present, or this
	// one is over.
	CodeStaleIncarnation Code = "STALE_INCARNATION"
	// CodeWrongPartition: it came to another partition than its pool's, and is
	// not forwarded, because it must not come twice.
	CodeWrongPartition Code = "WRONG_PARTITION"
	// CodeMaybeDecided: it stands where its input lost its tail and is read again, so it
	// may have been decided before, and it must not be decided twice.
	CodeMaybeDecided Code = "MAYBE_DECIDED"
	// CodeBadPrefer: the text of prefer is no numeric expression (with line and column).
	CodeBadPrefer Code = "BAD_PREFER"
	// CodeDependencyCycle: a task would wait for itself by way of others.
	CodeDependencyCycle Code = "DEPENDENCY_CYCLE"
	// CodeUnknownDependency: a task is to wait for one that is unknown and older
	// than the window in which ended tasks are remembered.
	CodeUnknownDependency Code = "UNKNOWN_DEPENDENCY"
	// CodeDependencyFailed: a task is to wait for one that ended without success.
	CodeDependencyFailed Code = "DEPENDENCY_FAILED"
)

// Malformed is a record or a request that cannot be acted upon, ever.
type Malformed struct {
	Code    Code
	Message string
}

func (m *Malformed) Error() string { return string(m.Code) + ": " + m.Message }

// Refuse makes a *Malformed.
func Refuse(code Code, format string, args ...any) *Malformed {
	return &Malformed{Code: code, Message: fmt.Sprintf(format, args...)}
}
