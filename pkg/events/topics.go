package events

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
func (t Topics) Requests() string { return t.Prefix + "tasks.requests" }

// Events is the scheduler's owned log; partitioned by pool.
func (t Topics) Events() string { return t.Prefix + "tasks.events" }

// Assignments is what engines read; partitioned by engine.
func (t Topics) Assignments() string { return t.Prefix + "tasks.assignments" }

// Reports is what engines write; partitioned by pool.
func (t Topics) Reports() string { return t.Prefix + "engines.reports" }

// DeadLetters is where poison and exhausted tasks go; one partition.
func (t Topics) DeadLetters() string { return t.Prefix + "deadletter" }

// Snapshots is where the snapshots of a log are, with as many partitions.
func Snapshots(log string) string { return log + ".snapshots" }

// TopicSpec is how a topic must be.
type TopicSpec struct {
	Name       string
	Partitions int32
	// Config holds the topic's settings as the broker names them.
	Config map[string]string
}

// TaskTopics are the topics of system A.
func (t Topics) TaskTopics() []TopicSpec {
	const day = "86400000"
	forever := func() map[string]string {
		return map[string]string{
			"cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1",
			"max.message.bytes": "2097152", "message.timestamp.type": "CreateTime",
			// A host whose clock is wrong must still be able to claim a log.
			"message.timestamp.before.max.ms": "9223372036854775807",
			"message.timestamp.after.max.ms":  "9223372036854775807",
		}
	}
	kept := func(ms string) map[string]string {
		c := forever()
		c["retention.ms"] = ms
		return c
	}
	return []TopicSpec{
		{Name: t.Requests(), Partitions: PoolPartitions, Config: forever()},
		{Name: t.Events(), Partitions: PoolPartitions, Config: forever()},
		{Name: Snapshots(t.Events()), Partitions: PoolPartitions, Config: forever()},
		{Name: t.Reports(), Partitions: PoolPartitions, Config: forever()},
		{Name: t.Assignments(), Partitions: AssignmentPartitions, Config: kept(day)},
		{Name: t.DeadLetters(), Partitions: 1, Config: kept("1209600000")},
	}
}

// PoolPartition is the partition of a pool in the requests, events and reports.
func PoolPartition(p Pool) int32 { return Partition(string(p), PoolPartitions) }

// EnginePartition is the partition of an engine in the assignments.
func EnginePartition(e EngineID) int32 { return Partition(string(e), AssignmentPartitions) }
