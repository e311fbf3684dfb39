package events

import (
	"strconv"
	"time"
)

// Counts of partitions. They are fixed when a topic is created, because a key's
// partition follows from them.
const (
	PoolPartitions       int32 = 16
	AssignmentPartitions int32 = 32
)

// Limits of a record (wire.md).
const (
	MaxHeaders     = 64
	MaxHeaderBytes = 16 << 10
	MaxRecordBytes = 512 << 10
	// MaxPayloadBytes bounds a task's payload and a result; larger goes by reference.
	MaxPayloadBytes = 256 << 10
	// MaxProgressBytes bounds one report of progress.
	MaxProgressBytes = 64 << 10
)

// Topics names the topics of one deployment.
type Topics struct {
	// Prefix of every topic; "spanway." by default.
	Prefix string
}

// DefaultPrefix is the prefix of topics where none was chosen.
const DefaultPrefix = "spanway."

// Requests is where commands for the scheduler go; partitioned by pool.
func (t Topics) Requests() string { return t.name(requests) }

// Events is the scheduler's owned log; partitioned by pool.
func (t Topics) Events() string { return t.name(eventsLog) }

// Assignments is what engines read; partitioned by engine.
func (t Topics) Assignments() string { return t.name(assignments) }

// Reports is what engines write; partitioned by pool.
func (t Topics) Reports() string { return t.name(reports) }

// DeadLetters is where poison and exhausted tasks go; one partition.
func (t Topics) DeadLetters() string { return t.name(deadLetters) }

// The topics under the default prefix.
const (
	requests    = DefaultPrefix + "tasks.requests"
	eventsLog   = DefaultPrefix + "tasks.events"
	assignments = DefaultPrefix + "tasks.assignments"
	reports     = DefaultPrefix + "engines.reports"
	deadLetters = DefaultPrefix + "deadletter"
)

// name puts the prefix on; the default one allocates nothing, for topics are
// named with every task.
func (t Topics) name(topic string) string {
	if t.Prefix == DefaultPrefix {
		return topic
	}
	return t.Prefix + topic[len(DefaultPrefix):]
}

// SchedulerGroup is the consumer group that shares the partitions of tasks out.
func (t Topics) SchedulerGroup() string { return t.Prefix + "scheduler" }

// AllocatorGroup is the consumer group that shares the requests for identifiers out.
func (t Topics) AllocatorGroup() string { return t.Prefix + "allocator" }

// KeeperGroup is the consumer group that names, for each partition of a shared log, the
// host which writes its snapshots and moves its time.
func (t Topics) KeeperGroup(log string) string { return t.Prefix + "snapshots." + log }

// Snapshots is where the snapshots of a log are, with as many partitions.
func Snapshots(log string) string { return log + ".snapshots" }

// TopicSpec is how a topic must be.
type TopicSpec struct {
	Name       string
	Partitions int32
	// Config holds the topic's settings as the broker names them.
	Config map[string]string
}

// Specs are how the topics of logs must be.
func Specs(logs []Log) []TopicSpec {
	specs := make([]TopicSpec, len(logs))
	for i, l := range logs {
		specs[i] = l.Spec()
	}
	return specs
}

// Spec is how the topic must be. Whatever deletes records by a snapshot must be the
// only one which does: the broker then deletes none by age or size.
func (l Log) Spec() TopicSpec {
	retention := "-1"
	if l.Kept == KeptForTime {
		retention = strconv.FormatInt(l.For.Milliseconds(), 10)
	}
	config := map[string]string{
		"cleanup.policy": "delete", "retention.ms": retention, "retention.bytes": "-1",
		"max.message.bytes": "2097152", "message.timestamp.type": "CreateTime",
		// A host whose clock is wrong must still be able to claim a log.
		"message.timestamp.before.max.ms": "9223372036854775807",
		"message.timestamp.after.max.ms":  "9223372036854775807",
	}
	if l.Kept == NewestByKey {
		config["cleanup.policy"] = "compact"
		// Brokers never compact the newest segment, and whoever reads a table reads all of
		// it: by default up to 1 GiB, or a week.
		config["segment.bytes"] = strconv.Itoa(TableSegmentBytes)
		config["segment.ms"] = strconv.FormatInt(TableSegmentLasts.Milliseconds(), 10)
	}
	return TopicSpec{Name: l.Topic, Partitions: l.Partitions, Config: config}
}

// TableSegmentBytes and TableSegmentLasts bound a segment of a topic that is compacted.
const (
	TableSegmentBytes = 16 << 20
	TableSegmentLasts = time.Hour
)

// PoolPartition is the partition of a pool in the requests, events and reports.
func PoolPartition(p Pool) int32 { return Partition(string(p), PoolPartitions) }

// EnginePartition is the partition of an engine in the assignments.
func EnginePartition(e EngineID) int32 { return Partition(string(e), AssignmentPartitions) }
