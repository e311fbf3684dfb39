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
	// CodeAmbiguousTask: several pools have a task of that ID. Only what reads for
	// people says so; services always have the pool.
	CodeAmbiguousTask Code = "AMBIGUOUS_TASK"
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

// The refusals of shared logs.
const (
	// CodeTooLate: the call was decided on a state too far back in the log.
	CodeTooLate Code = "TOO_LATE"
	// CodeTimeMoved: the time of the log is another than the one that was moved on.
	CodeTimeMoved Code = "TIME_MOVED"
	// CodeReadOnlyMirror: the log is a copy; write to the one that it is a copy of.
	CodeReadOnlyMirror Code = "READ_ONLY_MIRROR"
)

// The refusals of queues.
const (
	CodeUnknownQueue Code = "UNKNOWN_QUEUE"
	CodeQueueExists  Code = "QUEUE_EXISTS"
	CodeQueueFull    Code = "QUEUE_FULL"
	// CodeQueueDeleted: the queue was deleted before.
	CodeQueueDeleted Code = "QUEUE_DELETED"
	// CodeQueueHeld: it holds entries or claims, and deleting it was not forced.
	CodeQueueHeld Code = "QUEUE_HELD"
	// CodeBadEntryID: the ID is not of the kind that the queue has.
	CodeBadEntryID Code = "BAD_ENTRY_ID"
	// CodeDuplicateEntry: the queue holds an entry with that ID.
	CodeDuplicateEntry Code = "DUPLICATE_ENTRY"
	// CodeOldTerm: the ID is of a term below the highest that the queue has seen.
	CodeOldTerm Code = "OLD_TERM"
	// CodeOutOfSequence: the number of the ID is not the next one, nor that of an entry which
	// was put in under this term.
	CodeOutOfSequence Code = "OUT_OF_SEQUENCE"
	// CodeUnknownEntry: the queue never had that entry.
	CodeUnknownEntry Code = "UNKNOWN_ENTRY"
	// CodeAlreadyRemoved: the entry was removed before.
	CodeAlreadyRemoved Code = "ALREADY_REMOVED"
	// CodeAlreadyClaimed: one of the entries is claimed.
	CodeAlreadyClaimed Code = "ALREADY_CLAIMED"
	// CodeNothingToClaim: no entry is free to be claimed.
	CodeNothingToClaim Code = "NOTHING_TO_CLAIM"
	// CodeStaleClaim: the claim is over: its lease ended, or the entry was removed.
	CodeStaleClaim Code = "STALE_CLAIM"
)

// The refusals of identifiers.
const (
	CodeUnknownSpace Code = "UNKNOWN_SPACE"
	CodeSpaceExists  Code = "SPACE_EXISTS"
	// CodeBadName: a space, or a queue, cannot have that name (CheckSpace, CheckQueue).
	CodeBadName Code = "BAD_NAME"
	// CodeSpaceHeld: ranges of it are held, and deleting it was not forced.
	CodeSpaceHeld Code = "SPACE_HELD"
	// CodeBadCount: it is below 1, or beyond what one grant of the space may have.
	CodeBadCount Code = "BAD_COUNT"
	// CodeExhausted: no free range of the space is that long.
	CodeExhausted Code = "EXHAUSTED"
	// CodeOutOfBounds: identifiers outside of the space.
	CodeOutOfBounds Code = "OUT_OF_BOUNDS"
	// CodeRangeTaken: the range, or a part of it, is held or rests.
	CodeRangeTaken Code = "RANGE_TAKEN"
	// CodeRequestMismatch: the request ID names a grant that was asked for otherwise.
	CodeRequestMismatch Code = "REQUEST_MISMATCH"
	// CodeAlreadyGranted: the request ID names a grant that was asked for in the same way.
	// It is the answer.
	CodeAlreadyGranted Code = "ALREADY_GRANTED"
	CodeUnknownGrant   Code = "UNKNOWN_GRANT"
	// CodeGrantEnded: it was released, or its lease has ended.
	CodeGrantEnded Code = "GRANT_ENDED"
	// CodeNotOwner: the grant is held under another owner's name.
	CodeNotOwner Code = "NOT_OWNER"
	// CodeFalseAnswer: an answer says what the log does not.
	CodeFalseAnswer Code = "FALSE_ANSWER"
	// CodeStoreUnavailable: the allocator cannot reach its store.
	CodeStoreUnavailable Code = "STORE_UNAVAILABLE"
)

// The refusals of links.
const (
	CodeUnknownLink  Code = "UNKNOWN_LINK"
	CodeUnknownGroup Code = "UNKNOWN_GROUP"
	// CodeUnknownConsumerGroup: a consumer group has committed nothing of what is asked for.
	CodeUnknownConsumerGroup Code = "UNKNOWN_CONSUMER_GROUP"
	// CodeUnknownApplication: no application of that name has announced anything.
	CodeUnknownApplication Code = "UNKNOWN_APPLICATION"
	// CodeLinkExists: there must be no link of that name, and there is one.
	CodeLinkExists Code = "LINK_EXISTS"
	// CodeStaleRevision: the link, or the object of a network, has changed since its caller
	// saw it.
	CodeStaleRevision Code = "STALE_REVISION"
	// CodeLinkConflict: another link copies the same to the same place.
	CodeLinkConflict Code = "LINK_CONFLICT"
	// CodeLinkFailedOver: the link was failed over, and only a fail-over turns it back.
	CodeLinkFailedOver Code = "LINK_FAILED_OVER"
	// CodeBadPattern: a pattern does not compile.
	CodeBadPattern Code = "BAD_PATTERN"
)

// The refusals of networks.
const (
	// CodeBadPath: it names no object of a network, or one of another type.
	CodeBadPath Code = "BAD_PATH"
	// CodeBadSpan: a span cannot be read, or it covers no site.
	CodeBadSpan     Code = "BAD_SPAN"
	CodeUnknownSite Code = "UNKNOWN_SITE"
	// CodeUnknownObject: the network has no object of that path.
	CodeUnknownObject Code = "UNKNOWN_OBJECT"
	// CodeReferenceCycle: objects refer to each other in a circle.
	CodeReferenceCycle Code = "REFERENCE_CYCLE"
	// CodeReferredTo: it cannot be deleted, because others refer to it.
	CodeReferredTo Code = "REFERRED_TO"
	// CodeTwice: a change has the same object twice.
	CodeTwice Code = "TWICE"
	// CodeUnknownChange: there is no change of that number, or it is not remembered any more.
	CodeUnknownChange Code = "UNKNOWN_CHANGE"
	// CodeChangedSince: later changes depend on the one that is to be withdrawn.
	CodeChangedSince Code = "CHANGED_SINCE"
	// CodeSiteInUse: the site that is to be retired has objects.
	CodeSiteInUse Code = "SITE_IN_USE"
	// CodeInUse: the global manager has networks or sites of its own, and imports no others;
	// or a pool was imported from there before, or has a task with the ID of one that comes.
	CodeInUse Code = "IN_USE"
	// CodeNotWhole: a part of what a pool imports is missing.
	CodeNotWhole Code = "NOT_WHOLE"
	// CodeReplaced: the sites follow a global manager that was promoted elsewhere; or the tasks
	// of the pool are placed at another site.
	CodeReplaced Code = "REPLACED"
	// CodeNoSync: no full sync is under way that can be given up.
	CodeNoSync Code = "NO_SYNC"
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
