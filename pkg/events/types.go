package events

import (
	"sync"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// Type is a CloudEvents type such as "spanway.task.assigned.v1".
type Type string

// Kind tells what a type of record is, which decides where it may stand and
// how strictly it is read.
type Kind uint8

const (
	// Command asks for something; an unknown field in it is refused.
	Command Kind = iota + 1
	// Report is what an engine says of itself; read like a command.
	Report
	// Event states a fact; unknown fields are kept and ignored. In a shared log it is a
	// fact if the fold accepts it.
	Event
	// Notice is carried outside of owned logs and decides nothing.
	Notice
)

// Types of records. The order is that of a task's life.
const (
	TypeLogClaimed           Type = "spanway.log.claimed.v1"
	TypeLogPublished         Type = "spanway.log.published.v1"
	TypeLogFoldVersionRaised Type = "spanway.log.fold_version_raised.v1"
	TypeLogTruncated         Type = "spanway.log.truncated.v1"
	TypeLogTailLost          Type = "spanway.log.tail_lost.v1"
	TypeLogLossAccepted      Type = "spanway.log.loss_accepted.v1"

	TypeTaskRequested          Type = "spanway.task.requested.v1"
	TypeTaskCancelRequested    Type = "spanway.task.cancel_requested.v1"
	TypeTaskRetryRequested     Type = "spanway.task.retry_requested.v1"
	TypeEngineDrainRequested   Type = "spanway.engine.drain_requested.v1"
	TypeEngineResumeRequested  Type = "spanway.engine.resume_requested.v1"
	TypePoolConfigureRequested Type = "spanway.pool.configure_requested.v1"
	TypePoolImportRequested    Type = "spanway.pool.import_requested.v1"
	TypePoolPromoteRequested   Type = "spanway.pool.promote_requested.v1"
	TypePoolReplaceRequested   Type = "spanway.pool.replace_requested.v1"

	TypeEngineRegistration Type = "spanway.engine.registration.v1"
	TypeEngineHeartbeat    Type = "spanway.engine.heartbeat.v1"
	TypeEngineLeaving      Type = "spanway.engine.leaving.v1"
	TypeAttemptStarted     Type = "spanway.attempt.started.v1"
	TypeAttemptProgressed  Type = "spanway.attempt.progressed.v1"
	TypeAttemptFinished    Type = "spanway.attempt.finished.v1"

	TypeTaskAccepted            Type = "spanway.task.accepted.v1"
	TypeTaskRejected            Type = "spanway.task.rejected.v1"
	TypeTaskRepeated            Type = "spanway.task.repeated.v1"
	TypeTaskForwarded           Type = "spanway.task.forwarded.v1"
	TypeTaskAssigned            Type = "spanway.task.assigned.v1"
	TypeTaskReserved            Type = "spanway.task.reserved.v1"
	TypeTaskAssignmentRefused   Type = "spanway.task.assignment_refused.v1"
	TypeTaskStarted             Type = "spanway.task.started.v1"
	TypeTaskProgressed          Type = "spanway.task.progressed.v1"
	TypeTaskSucceeded           Type = "spanway.task.succeeded.v1"
	TypeTaskFailed              Type = "spanway.task.failed.v1"
	TypeTaskAttemptFailed       Type = "spanway.task.attempt_failed.v1"
	TypeTaskAttemptReturned     Type = "spanway.task.attempt_returned.v1"
	TypeTaskRetryScheduled      Type = "spanway.task.retry_scheduled.v1"
	TypeTaskExpired             Type = "spanway.task.expired.v1"
	TypeTaskCancelled           Type = "spanway.task.cancelled.v1"
	TypeTaskBulkCancelStarted   Type = "spanway.task.bulk_cancel_started.v1"
	TypeTaskDeadLettered        Type = "spanway.task.dead_lettered.v1"
	TypeTaskStaleResultRejected Type = "spanway.task.stale_result_rejected.v1"

	TypeEngineRegistered          Type = "spanway.engine.registered.v1"
	TypeEngineObserved            Type = "spanway.engine.observed.v1"
	TypeEngineRegistrationRefused Type = "spanway.engine.registration_refused.v1"
	TypeEngineDraining            Type = "spanway.engine.draining.v1"
	TypeEngineResumed             Type = "spanway.engine.resumed.v1"
	TypeEngineLost                Type = "spanway.engine.lost.v1"
	TypeEngineDeparted            Type = "spanway.engine.departed.v1"

	TypePoolConfigured Type = "spanway.pool.configured.v1"
	TypePoolImported   Type = "spanway.pool.imported.v1"
	TypePoolPromoted   Type = "spanway.pool.promoted.v1"
	TypePoolReplaced   Type = "spanway.pool.replaced.v1"

	TypeLogTimePassed Type = "spanway.log.time_passed.v1"

	TypeQueueConfigured    Type = "spanway.queue.configured.v1"
	TypeQueueEnqueued      Type = "spanway.queue.enqueued.v1"
	TypeQueueRemoved       Type = "spanway.queue.removed.v1"
	TypeQueueTrimmed       Type = "spanway.queue.trimmed.v1"
	TypeQueueClaimed       Type = "spanway.queue.claimed.v1"
	TypeQueueClaimExtended Type = "spanway.queue.claim_extended.v1"
	TypeQueueDone          Type = "spanway.queue.done.v1"
	TypeQueueReleased      Type = "spanway.queue.released.v1"
	TypeQueueDeleted       Type = "spanway.queue.deleted.v1"

	TypeIdsSpaceRequested   Type = "spanway.ids.space_requested.v1"
	TypeIdsRangeRequested   Type = "spanway.ids.range_requested.v1"
	TypeIdsRangesRequested  Type = "spanway.ids.ranges_requested.v1"
	TypeIdsReserveRequested Type = "spanway.ids.reserve_requested.v1"
	TypeIdsRenewRequested   Type = "spanway.ids.renew_requested.v1"
	TypeIdsReleaseRequested Type = "spanway.ids.release_requested.v1"
	TypeIdsGrowRequested    Type = "spanway.ids.grow_requested.v1"
	TypeIdsDeleteRequested  Type = "spanway.ids.delete_requested.v1"

	TypeIdsSpaceDeclared  Type = "spanway.ids.space_declared.v1"
	TypeIdsSpaceGrown     Type = "spanway.ids.space_grown.v1"
	TypeIdsSpaceDeleted   Type = "spanway.ids.space_deleted.v1"
	TypeIdsRangeGranted   Type = "spanway.ids.range_granted.v1"
	TypeIdsRangesGranted  Type = "spanway.ids.ranges_granted.v1"
	TypeIdsGrantRenewed   Type = "spanway.ids.grant_renewed.v1"
	TypeIdsRangeReleased  Type = "spanway.ids.range_released.v1"
	TypeIdsAnswered       Type = "spanway.ids.answered.v1"
	TypeIdsRangesAnswered Type = "spanway.ids.ranges_answered.v1"

	TypeReplicationLinkDeclared         Type = "spanway.replication.link_declared.v1"
	TypeReplicationLinkPaused           Type = "spanway.replication.link_paused.v1"
	TypeReplicationLinkResumed          Type = "spanway.replication.link_resumed.v1"
	TypeReplicationLinkDeleted          Type = "spanway.replication.link_deleted.v1"
	TypeReplicationGroupDeclared        Type = "spanway.replication.group_declared.v1"
	TypeReplicationGroupDeleted         Type = "spanway.replication.group_deleted.v1"
	TypeReplicationApplicationAnnounced Type = "spanway.replication.application_announced.v1"
	TypeReplicationApplicationWithdrawn Type = "spanway.replication.application_withdrawn.v1"
	TypeReplicationCheckpointed         Type = "spanway.replication.checkpointed.v1"
	TypeReplicationCopyReported         Type = "spanway.replication.copy_reported.v1"
	TypeReplicationLinkReported         Type = "spanway.replication.link_reported.v1"

	TypeNetworkChangeRequested     Type = "spanway.network.change_requested.v1"
	TypeNetworkWithdrawRequested   Type = "spanway.network.withdraw_requested.v1"
	TypeNetworkSiteRequested       Type = "spanway.network.site_requested.v1"
	TypeNetworkSiteRetireRequested Type = "spanway.network.site_retire_requested.v1"
	TypeNetworkResyncRequested     Type = "spanway.network.resync_requested.v1"
	TypeNetworkPromoteRequested    Type = "spanway.network.promote_requested.v1"
	TypeNetworkSiteReport          Type = "spanway.network.site_report.v1"
	TypeNetworkImportRequested     Type = "spanway.network.import_requested.v1"
	TypeNetworkImported            Type = "spanway.network.imported.v1"
	TypeNetworkReplaced            Type = "spanway.network.replaced.v1"
	TypeNetworkChanged             Type = "spanway.network.changed.v1"
	TypeNetworkRefused             Type = "spanway.network.refused.v1"
	TypeNetworkSiteAdded           Type = "spanway.network.site_added.v1"
	TypeNetworkSiteRetired         Type = "spanway.network.site_retired.v1"
	TypeNetworkSyncOrdered         Type = "spanway.network.sync_ordered.v1"
	TypeNetworkSyncEnded           Type = "spanway.network.sync_ended.v1"
	TypeNetworkSiteObserved        Type = "spanway.network.site_observed.v1"
	TypeNetworkOverdue             Type = "spanway.network.overdue.v1"
	TypeNetworkPromoted            Type = "spanway.network.promoted.v1"
	TypeNetworkEntry               Type = "spanway.network.entry.v1"
	TypeNetworkSyncBegin           Type = "spanway.network.sync_begin.v1"
	TypeNetworkSyncSegment         Type = "spanway.network.sync_segment.v1"
	TypeNetworkSyncEnd             Type = "spanway.network.sync_end.v1"
	TypeNetworkLocalRequested      Type = "spanway.network.local_requested.v1"
	TypeNetworkFound               Type = "spanway.network.found.v1"
	TypeNetworkEntryApplied        Type = "spanway.network.entry_applied.v1"
	TypeNetworkEntryDeclined       Type = "spanway.network.entry_declined.v1"
	TypeNetworkSyncBegan           Type = "spanway.network.sync_began.v1"
	TypeNetworkSyncCollected       Type = "spanway.network.sync_collected.v1"
	TypeNetworkSyncApplied         Type = "spanway.network.sync_applied.v1"
	TypeNetworkLocalChanged        Type = "spanway.network.local_changed.v1"
	TypeNetworkDrifted             Type = "spanway.network.drifted.v1"
	TypeNetworkRealising           Type = "spanway.network.realising.v1"
	TypeNetworkRealised            Type = "spanway.network.realised.v1"
	TypeNetworkRealisationFailed   Type = "spanway.network.realisation_failed.v1"
	TypeNetworkEndsMissed          Type = "spanway.network.ends_missed.v1"

	TypeEngineEcho   Type = "spanway.engine.echo.v1"
	TypeDeadLetter   Type = "spanway.log.dead_letter.v1"
	TypeLogRecovered Type = "spanway.log.recovered.v1"
	TypeLogSnapshot  Type = "spanway.log.snapshot.v1"
)

type registration struct {
	typ     Type
	kind    Kind
	message proto.Message
}

var registrations = []registration{
	{TypeLogClaimed, Event, (*LogClaimed)(nil)},
	{TypeLogPublished, Event, (*LogPublished)(nil)},
	{TypeLogFoldVersionRaised, Event, (*LogFoldVersionRaised)(nil)},
	{TypeLogTruncated, Event, (*LogTruncated)(nil)},
	{TypeLogTailLost, Event, (*LogTailLost)(nil)},
	{TypeLogLossAccepted, Event, (*LogLossAccepted)(nil)},

	{TypeTaskRequested, Command, (*TaskRequested)(nil)},
	{TypeTaskCancelRequested, Command, (*TaskCancelRequested)(nil)},
	{TypeTaskRetryRequested, Command, (*TaskRetryRequested)(nil)},
	{TypeEngineDrainRequested, Command, (*EngineDrainRequested)(nil)},
	{TypeEngineResumeRequested, Command, (*EngineResumeRequested)(nil)},
	{TypePoolConfigureRequested, Command, (*PoolConfigureRequested)(nil)},
	{TypePoolImportRequested, Command, (*PoolImportRequested)(nil)},
	{TypePoolPromoteRequested, Command, (*PoolPromoteRequested)(nil)},
	{TypePoolReplaceRequested, Command, (*PoolReplaceRequested)(nil)},

	{TypeEngineRegistration, Report, (*EngineRegistration)(nil)},
	{TypeEngineHeartbeat, Report, (*EngineHeartbeat)(nil)},
	{TypeEngineLeaving, Report, (*EngineLeaving)(nil)},
	{TypeAttemptStarted, Report, (*AttemptStarted)(nil)},
	{TypeAttemptProgressed, Report, (*AttemptProgressed)(nil)},
	{TypeAttemptFinished, Report, (*AttemptFinished)(nil)},

	{TypeTaskAccepted, Event, (*TaskAccepted)(nil)},
	{TypeTaskRejected, Event, (*TaskRejected)(nil)},
	{TypeTaskRepeated, Event, (*TaskRepeated)(nil)},
	{TypeTaskForwarded, Event, (*TaskForwarded)(nil)},
	{TypeTaskAssigned, Event, (*TaskAssigned)(nil)},
	{TypeTaskReserved, Event, (*TaskReserved)(nil)},
	{TypeTaskAssignmentRefused, Event, (*TaskAssignmentRefused)(nil)},
	{TypeTaskStarted, Event, (*TaskStarted)(nil)},
	{TypeTaskProgressed, Event, (*TaskProgressed)(nil)},
	{TypeTaskSucceeded, Event, (*TaskSucceeded)(nil)},
	{TypeTaskFailed, Event, (*TaskFailed)(nil)},
	{TypeTaskAttemptFailed, Event, (*TaskAttemptFailed)(nil)},
	{TypeTaskAttemptReturned, Event, (*TaskAttemptReturned)(nil)},
	{TypeTaskRetryScheduled, Event, (*TaskRetryScheduled)(nil)},
	{TypeTaskExpired, Event, (*TaskExpired)(nil)},
	{TypeTaskCancelled, Event, (*TaskCancelled)(nil)},
	{TypeTaskBulkCancelStarted, Event, (*TaskBulkCancelStarted)(nil)},
	{TypeTaskDeadLettered, Event, (*TaskDeadLettered)(nil)},
	{TypeTaskStaleResultRejected, Event, (*TaskStaleResultRejected)(nil)},

	{TypeEngineRegistered, Event, (*EngineRegistered)(nil)},
	{TypeEngineObserved, Event, (*EngineObserved)(nil)},
	{TypeEngineRegistrationRefused, Event, (*EngineRegistrationRefused)(nil)},
	{TypeEngineDraining, Event, (*EngineDraining)(nil)},
	{TypeEngineResumed, Event, (*EngineResumed)(nil)},
	{TypeEngineLost, Event, (*EngineLost)(nil)},
	{TypeEngineDeparted, Event, (*EngineDeparted)(nil)},

	{TypePoolConfigured, Event, (*PoolConfigured)(nil)},
	{TypePoolImported, Event, (*PoolImported)(nil)},
	{TypePoolPromoted, Event, (*PoolPromoted)(nil)},
	{TypePoolReplaced, Event, (*PoolReplaced)(nil)},

	{TypeLogTimePassed, Event, (*LogTimePassed)(nil)},

	{TypeQueueConfigured, Event, (*QueueConfigured)(nil)},
	{TypeQueueEnqueued, Event, (*QueueEnqueued)(nil)},
	{TypeQueueRemoved, Event, (*QueueRemoved)(nil)},
	{TypeQueueTrimmed, Event, (*QueueTrimmed)(nil)},
	{TypeQueueClaimed, Event, (*QueueClaimed)(nil)},
	{TypeQueueClaimExtended, Event, (*QueueClaimExtended)(nil)},
	{TypeQueueDone, Event, (*QueueDone)(nil)},
	{TypeQueueReleased, Event, (*QueueReleased)(nil)},
	{TypeQueueDeleted, Event, (*QueueDeleted)(nil)},

	{TypeIdsSpaceRequested, Command, (*IdsSpaceRequested)(nil)},
	{TypeIdsRangeRequested, Command, (*IdsRangeRequested)(nil)},
	{TypeIdsRangesRequested, Command, (*IdsRangesRequested)(nil)},
	{TypeIdsReserveRequested, Command, (*IdsReserveRequested)(nil)},
	{TypeIdsRenewRequested, Command, (*IdsRenewRequested)(nil)},
	{TypeIdsReleaseRequested, Command, (*IdsReleaseRequested)(nil)},
	{TypeIdsGrowRequested, Command, (*IdsGrowRequested)(nil)},
	{TypeIdsDeleteRequested, Command, (*IdsDeleteRequested)(nil)},

	{TypeIdsSpaceDeclared, Event, (*IdsSpaceDeclared)(nil)},
	{TypeIdsSpaceGrown, Event, (*IdsSpaceGrown)(nil)},
	{TypeIdsSpaceDeleted, Event, (*IdsSpaceDeleted)(nil)},
	{TypeIdsRangeGranted, Event, (*IdsRangeGranted)(nil)},
	{TypeIdsRangesGranted, Event, (*IdsRangesGranted)(nil)},
	{TypeIdsGrantRenewed, Event, (*IdsGrantRenewed)(nil)},
	{TypeIdsRangeReleased, Event, (*IdsRangeReleased)(nil)},
	{TypeIdsAnswered, Event, (*IdsAnswered)(nil)},
	{TypeIdsRangesAnswered, Event, (*IdsRangesAnswered)(nil)},

	{TypeReplicationLinkDeclared, Event, (*ReplicationLinkDeclared)(nil)},
	{TypeReplicationLinkPaused, Event, (*ReplicationLinkPaused)(nil)},
	{TypeReplicationLinkResumed, Event, (*ReplicationLinkResumed)(nil)},
	{TypeReplicationLinkDeleted, Event, (*ReplicationLinkDeleted)(nil)},
	{TypeReplicationGroupDeclared, Event, (*ReplicationGroupDeclared)(nil)},
	{TypeReplicationGroupDeleted, Event, (*ReplicationGroupDeleted)(nil)},
	{TypeReplicationApplicationAnnounced, Command, (*ReplicationApplicationAnnounced)(nil)},
	{TypeReplicationApplicationWithdrawn, Command, (*ReplicationApplicationWithdrawn)(nil)},
	{TypeReplicationCheckpointed, Notice, (*ReplicationCheckpointed)(nil)},
	{TypeReplicationCopyReported, Notice, (*ReplicationCopyReported)(nil)},
	{TypeReplicationLinkReported, Notice, (*ReplicationLinkReported)(nil)},

	{TypeNetworkChangeRequested, Command, (*NetworkChangeRequested)(nil)},
	{TypeNetworkWithdrawRequested, Command, (*NetworkWithdrawRequested)(nil)},
	{TypeNetworkSiteRequested, Command, (*NetworkSiteRequested)(nil)},
	{TypeNetworkSiteRetireRequested, Command, (*NetworkSiteRetireRequested)(nil)},
	{TypeNetworkResyncRequested, Command, (*NetworkResyncRequested)(nil)},
	{TypeNetworkPromoteRequested, Command, (*NetworkPromoteRequested)(nil)},
	{TypeNetworkImportRequested, Command, (*NetworkImportRequested)(nil)},
	{TypeNetworkSiteReport, Report, (*NetworkSiteReport)(nil)},
	{TypeNetworkChanged, Event, (*NetworkChanged)(nil)},
	{TypeNetworkRefused, Event, (*NetworkRefused)(nil)},
	{TypeNetworkSiteAdded, Event, (*NetworkSiteAdded)(nil)},
	{TypeNetworkSiteRetired, Event, (*NetworkSiteRetired)(nil)},
	{TypeNetworkSyncOrdered, Event, (*NetworkSyncOrdered)(nil)},
	{TypeNetworkSyncEnded, Event, (*NetworkSyncEnded)(nil)},
	{TypeNetworkSiteObserved, Event, (*NetworkSiteObserved)(nil)},
	{TypeNetworkOverdue, Event, (*NetworkOverdue)(nil)},
	{TypeNetworkPromoted, Event, (*NetworkPromoted)(nil)},
	{TypeNetworkImported, Event, (*NetworkImported)(nil)},
	{TypeNetworkReplaced, Event, (*NetworkReplaced)(nil)},
	{TypeNetworkEntry, Notice, (*NetworkEntry)(nil)},
	{TypeNetworkSyncBegin, Notice, (*NetworkSyncBegin)(nil)},
	{TypeNetworkSyncSegment, Notice, (*NetworkSyncSegment)(nil)},
	{TypeNetworkSyncEnd, Notice, (*NetworkSyncEnd)(nil)},
	{TypeNetworkLocalRequested, Command, (*NetworkLocalRequested)(nil)},
	{TypeNetworkFound, Report, (*NetworkFound)(nil)},
	{TypeNetworkEntryApplied, Event, (*NetworkEntryApplied)(nil)},
	{TypeNetworkEntryDeclined, Event, (*NetworkEntryDeclined)(nil)},
	{TypeNetworkSyncBegan, Event, (*NetworkSyncBegan)(nil)},
	{TypeNetworkSyncCollected, Event, (*NetworkSyncCollected)(nil)},
	{TypeNetworkSyncApplied, Event, (*NetworkSyncApplied)(nil)},
	{TypeNetworkLocalChanged, Event, (*NetworkLocalChanged)(nil)},
	{TypeNetworkDrifted, Event, (*NetworkDrifted)(nil)},
	{TypeNetworkRealising, Event, (*NetworkRealising)(nil)},
	{TypeNetworkRealised, Event, (*NetworkRealised)(nil)},
	{TypeNetworkRealisationFailed, Event, (*NetworkRealisationFailed)(nil)},
	{TypeNetworkEndsMissed, Event, (*NetworkEndsMissed)(nil)},

	{TypeEngineEcho, Notice, (*EngineEcho)(nil)},
	{TypeDeadLetter, Notice, (*DeadLetter)(nil)},
	{TypeLogRecovered, Notice, (*LogRecovered)(nil)},
	{TypeLogSnapshot, Notice, (*LogSnapshot)(nil)},
}

type tables struct {
	byType       map[Type]*known
	byDescriptor map[protoreflect.MessageDescriptor]*known
}

// known is a registration as it is looked up.
type known struct {
	registration
	message protoreflect.MessageType
	header  []byte // the type as the value of its header
}

// The tables are built at the first use, because descriptors are ready only
// after the generated code was initialised.
var lookup = sync.OnceValue(func() tables {
	looked.Store(true)
	t := tables{map[Type]*known{}, map[protoreflect.MessageDescriptor]*known{}}
	for _, r := range append(registrations[:len(registrations):len(registrations)], foreign...) {
		m := r.message.ProtoReflect().Type()
		k := &known{r, m, []byte(r.typ)}
		t.byType[r.typ], t.byDescriptor[m.Descriptor()] = k, k
	}
	return t
})

// New returns an empty message of that type, or nil if the type is unknown.
func New(t Type) proto.Message {
	k := lookup().byType[t]
	if k == nil {
		return nil
	}
	return k.message.New().Interface()
}

// KindOf tells what a type is; 0 if it is unknown.
func KindOf(t Type) Kind {
	k := lookup().byType[t]
	if k == nil {
		return 0
	}
	return k.kind
}

// TypeOf returns the type under which m travels, or "" if it travels under none.
func TypeOf(m proto.Message) Type {
	k := knownMessage(m)
	if k == nil {
		return ""
	}
	return k.typ
}

func knownMessage(m proto.Message) *known {
	return lookup().byDescriptor[m.ProtoReflect().Descriptor()]
}

// Types lists all types of Spanway in the order of a task's life.
func Types() []Type {
	out := make([]Type, len(registrations))
	for i, r := range registrations {
		out[i] = r.typ
	}
	return out
}
