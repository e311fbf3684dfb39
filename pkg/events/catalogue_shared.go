package events

import (
	"slices"
	"strings"
)

// The roles of queues and identifiers.
const (
	// RoleAllocator grants identifiers.
	RoleAllocator Role = "allocator"
	// RoleRequester asks for identifiers: programs that use package ids, or any that
	// write to ids.requests.
	RoleRequester Role = "requester"
	// RoleQueueHost creates, uses and keeps queues: programs that use package queue, and
	// spanway serve queues.
	RoleQueueHost Role = "queue-host"
	// RoleQueueUser uses queues that others create and keep: spanway queue, and programs
	// that open one briefly (queue.Options).
	RoleQueueUser Role = "queue-user"
)

// Counts of partitions. They are fixed when a topic is created.
const (
	IDRequestPartitions int32 = 8
	IDEventPartitions   int32 = 8
)

// IDRequests is where commands for allocators go; partitioned by request ID.
func (t Topics) IDRequests() string { return t.name(idRequests) }

// IDEvents is the shared log of grants; partitioned by space.
func (t Topics) IDEvents() string { return t.name(idEvents) }

// Queue is the shared log of a queue; one partition.
func (t Topics) Queue(name string) string { return t.Prefix + queues + name }

const (
	idRequests = DefaultPrefix + "ids.requests"
	idEvents   = DefaultPrefix + "ids.events"
	queues     = "queue."
)

// RequestPartition is the partition of a command for allocators, by its request ID.
func RequestPartition(requestID string) int32 { return Partition(requestID, IDRequestPartitions) }

// SpacePartition is the partition of a space in the grants.
func SpacePartition(space string) int32 { return Partition(space, IDEventPartitions) }

// idLogs are the logs of identifiers.
func (t Topics) idLogs() []Log {
	log := t.IDEvents()
	return []Log{
		{
			Topic: t.IDRequests(), Kind: InputLog, Partitions: IDRequestPartitions, Key: "request ID", Kept: UntilCommitted,
			Writers: []Role{RoleRequester}, Readers: []Role{RoleAllocator},
		},
		{
			Topic: log, Kind: SharedLog, Partitions: IDEventPartitions, Key: "space", Kept: WithHistory,
			Writers: []Role{RoleAllocator}, Readers: []Role{RoleAllocator, RoleRequester},
		},
		{
			Topic: Snapshots(log), Kind: SnapshotLog, Of: log, Partitions: IDEventPartitions, Key: "space", Kept: NewestTwo,
			Writers: []Role{RoleAllocator}, Readers: []Role{RoleAllocator},
		},
	}
}

// QueueLogs are the logs of a queue. They are created with it, and are not in the
// Catalogue.
func (t Topics) QueueLogs(name string) []Log {
	log, hosts := t.Queue(name), []Role{RoleQueueHost}
	if strings.HasPrefix(name, siteQueues().Name) {
		hosts = append(hosts, RoleGlobalManager)
	}
	return []Log{
		{
			Topic: log, Kind: SharedLog, Partitions: 1, Kept: WithHistory,
			Writers: slices.Concat(hosts, []Role{RoleQueueUser}), Readers: slices.Concat(hosts, []Role{RoleQueueUser}),
		},
		{
			Topic: Snapshots(log), Kind: SnapshotLog, Of: log, Partitions: 1, Kept: NewestTwo,
			Writers: hosts, Readers: slices.Concat(hosts, []Role{RoleQueueUser}),
		},
	}
}

// maxQueueBytes leaves room for the prefix and ".snapshots" in Kafka's 249 bytes.
const maxQueueBytes = 100

// CheckQueue checks the name of a queue: what Kafka allows in names of topics, and not
// ending like a topic of snapshots. The error is a *Malformed.
func CheckQueue(name string) error {
	switch {
	case name == "":
		return Refuse(CodeBadData, "the name of the queue is missing; give 1 to %d of a-z, A-Z, 0-9, '.', '_' and '-'", maxQueueBytes)
	case len(name) > maxQueueBytes:
		return Refuse(CodeBadData, "the name of the queue has %d bytes; at most %d are allowed", len(name), maxQueueBytes)
	case strings.Trim(name, ".") == "":
		return Refuse(CodeBadData, "the name of the queue is %q; use more than dots", name)
	case CheckPrefix(name) != nil:
		return Refuse(CodeBadData, "the name of the queue is %q; use a-z, A-Z, 0-9, '.', '_' and '-'", name)
	case strings.HasSuffix(name, Snapshots("")):
		return Refuse(CodeBadData, "the name of the queue is %q; a name that ends with %s is that of a topic of snapshots", name, Snapshots(""))
	}
	return nil
}

// QueueOf is the name of the queue whose log that topic is.
func (t Topics) QueueOf(topic string) (name string, ok bool) {
	name, ok = strings.CutPrefix(topic, t.Prefix+queues)
	return name, ok && CheckQueue(name) == nil
}

// queueLogsOf are the logs of the queue that a topic belongs to. The topic may lack the
// prefix.
func (t Topics) queueLogsOf(topic string) []Log {
	topic = strings.TrimSuffix(strings.TrimPrefix(topic, t.Prefix), Snapshots(""))
	if name, ok := (Topics{}).QueueOf(topic); ok {
		return t.QueueLogs(name)
	}
	return nil
}

// queueIn is the name of a queue in that of a topic, under the default prefix.
func queueIn(topic string) (string, bool) { return Topics{Prefix: DefaultPrefix}.QueueOf(topic) }
