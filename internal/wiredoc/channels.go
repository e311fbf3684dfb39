package main

import (
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// channel is a topic as a reader or a writer sees it.
type channel struct {
	name, topic string
	partitions  int32
	text        string
	// key is what the keys of its records are; empty if they have none.
	key string
	has func(events.Type) bool
}

var topics = events.Topics{Prefix: events.DefaultPrefix}

// channels are all topics, under the names that they have in the AsyncAPI document.
func channels() []channel {
	all := []channel{
		{name: "requests", topic: topics.Requests(), key: "the pool", has: named(events.Command, "task", "engine", "pool"),
			text: "What is asked of the scheduler. A task.requested without replayOf, or a task.cancel_requested of one task, may stand on any partition: it is forwarded."},
		{name: "events", topic: topics.Events(), has: named(events.Event, "task", "engine", "pool", "log"),
			text: "What happened. An owned log: a reader skips what does not count (docs/consumers.md)."},
		{name: "reports", topic: topics.Reports(), key: "the pool", has: named(events.Report, "engine", "attempt"),
			text: "What engines say."},
		{name: "assignments", topic: topics.Assignments(), key: "the engine's ID", has: oneOf(assigned...),
			text: "What engines read: copies of events, under their IDs, with spanway-from; and notices."},
		{name: "deadLetters", topic: topics.DeadLetters(), key: "the pool, or topic/partition of what could not be read", has: oneOf(events.TypeDeadLetter, events.TypeTaskDeadLettered),
			text: "What could not be acted upon, with its reason, and copies of tasks whose attempts are used up."},
		{name: "snapshots", topic: events.Snapshots(topics.Events()), has: oneOf(events.TypeLogSnapshot),
			text: "Snapshots of the log: chunks without a type, and behind them their manifest."},
		{name: "idRequests", topic: topics.IDRequests(), key: "the request ID", has: named(events.Command, "ids"),
			text: "What is asked of allocators. Commands that refer to a grant have its request ID as their key."},
		{name: "idEvents", topic: topics.IDEvents(), key: "the space", has: anyOf(named(events.Event, "ids"), oneOf(events.TypeLogTimePassed)),
			text: "Grants. A shared log: a requester reads the answers (ids.answered, or ids.ranges_answered) to what it asked."},
		{name: "idSnapshots", topic: events.Snapshots(topics.IDEvents()), has: oneOf(events.TypeLogSnapshot),
			text: "Snapshots of the log of grants."},
		{name: "queue", topic: topics.Queue("<name>"), has: anyOf(named(events.Event, "queue"), oneOf(events.TypeLogTimePassed)),
			text: "A queue. A shared log: the order of its records decides which of them count."},
		{name: "queueSnapshots", topic: events.Snapshots(topics.Queue("<name>")), has: oneOf(events.TypeLogSnapshot),
			text: "Snapshots of a queue."},
		{name: "replicationLinks", topic: topics.ReplicationLinks(), has: anyOf(named(events.Event, "replication"), oneOf(events.TypeLogTimePassed)),
			text: "What a site copies from others. A shared log: the order of its records decides which of them count."},
		{name: "replicationLinkSnapshots", topic: events.Snapshots(topics.ReplicationLinks()), has: oneOf(events.TypeLogSnapshot),
			text: "Snapshots of the log of links."},
		{name: "replicationApplications", topic: topics.ReplicationApplications(), key: "the application", has: named(events.Command, "replication"),
			text: "Which topics of this cluster applications want to be copied. The newest record of each key counts."},
		{name: "replicationCheckpoints", topic: topics.ReplicationCheckpoints(), key: "the copy, its generation and claim", has: oneOf(events.TypeReplicationCheckpointed),
			text: "How far each partition was copied. Only replicators read and write it."},
		{name: "replicationStatus", topic: topics.ReplicationStatus(), key: "the link, or link/topic/partition", has: oneOf(events.TypeReplicationLinkReported, events.TypeReplicationCopyReported),
			text: "How links and copies stand. The newest record of each key counts."},
		{name: "networkRequests", topic: topics.NetworkRequests(), has: anyOf(oneOf(events.TypeNetworkSiteReport), func(t events.Type) bool {
			return named(events.Command, "network")(t) && t != events.TypeNetworkLocalRequested
		}),
			text: "What is asked of the global manager, and what its channels have seen of the sites."},
		{name: "networkChanges", topic: topics.NetworkChanges(), has: oneOf(decided...),
			text: "What the global manager decided. An owned log."},
		{name: "networkChangeSnapshots", topic: events.Snapshots(topics.NetworkChanges()), has: oneOf(events.TypeLogSnapshot),
			text: "Snapshots of the log of changes."},
		{name: "networkInbox", topic: topics.NetworkInbox(), has: oneOf(received...),
			text: "What a site gets: entries in the order of their sequence numbers, full syncs, and what concerns its own objects."},
		{name: "networkStatus", topic: topics.NetworkStatus(), has: func(t events.Type) bool { return named(events.Event, "network")(t) && !oneOf(decided...)(t) },
			text: "What a site's local manager did. An owned log."},
		{name: "networkStatusSnapshots", topic: events.Snapshots(topics.NetworkStatus()), has: oneOf(events.TypeLogSnapshot),
			text: "Snapshots of the log of a local manager."},
	}
	for i := range all {
		for _, spec := range events.Specs(documented()) {
			if spec.Name == all[i].topic {
				all[i].partitions = spec.Partitions
			}
		}
	}
	return all
}

// assigned are the types on tasks.assignments.
var assigned = []events.Type{
	events.TypeTaskAssigned, events.TypeTaskCancelled, events.TypeTaskAttemptReturned, events.TypeTaskAttemptFailed,
	events.TypeEngineRegistered, events.TypeEngineRegistrationRefused, events.TypeEngineLost,
	events.TypeEngineDraining, events.TypeEngineResumed, events.TypeEngineEcho, events.TypeLogRecovered,
}

// decided are the types on network.changes, received those on network.inbox.
var (
	decided = []events.Type{
		events.TypeNetworkChanged, events.TypeNetworkRefused, events.TypeNetworkSiteAdded, events.TypeNetworkSiteRetired,
		events.TypeNetworkSyncOrdered, events.TypeNetworkSyncEnded, events.TypeNetworkSiteObserved, events.TypeNetworkOverdue,
		events.TypeNetworkPromoted, events.TypeNetworkImported, events.TypeNetworkReplaced,
	}
	received = []events.Type{
		events.TypeNetworkEntry, events.TypeNetworkSyncBegin, events.TypeNetworkSyncSegment, events.TypeNetworkSyncEnd,
		events.TypeNetworkLocalRequested, events.TypeNetworkFound,
	}
)

// named are the types of a kind that have one of these nouns, such as "task".
func named(k events.Kind, nouns ...string) func(events.Type) bool {
	return func(t events.Type) bool {
		return events.KindOf(t) == k && slices.Contains(nouns, strings.Split(string(t), ".")[1]) && t != events.TypeLogTimePassed
	}
}

func anyOf(these ...func(events.Type) bool) func(events.Type) bool {
	return func(t events.Type) bool {
		return slices.ContainsFunc(these, func(has func(events.Type) bool) bool { return has(t) })
	}
}

func oneOf(types ...events.Type) func(events.Type) bool {
	return func(t events.Type) bool { return slices.Contains(types, t) }
}
