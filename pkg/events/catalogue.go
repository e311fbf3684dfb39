package events

import (
	"slices"
	"strings"
	"time"
)

// Log is an entry of the catalogue of logs: what a topic is, where its records come
// from and how long they are kept. Topics, access rights, the documentation, the
// verifier and the text of errors are made from it. A program that has a log of its
// own writes an entry for it (package logowner).
type Log struct {
	// Topic is the name of the topic, with its prefix.
	Topic string
	Kind  LogKind
	// Partitions is fixed when the topic is created. A topic of snapshots has as many
	// as its log.
	Partitions int32
	// Key is what decides the partition of a record, such as "pool"; empty if there
	// is one partition.
	Key string
	// Kept says what deletes records; For is their age then, if it is KeptForTime.
	Kept Kept
	For  time.Duration
	// Of is the log of which a topic of snapshots holds the snapshots.
	Of string
	// Foreign, in a catalogue that is given to package logowner: another service makes the topic
	// and deletes its records. It is read or written here, and neither made nor cut.
	Foreign bool
	// ForeignTo are those of Writers and Readers to which it is Foreign.
	ForeignTo []Role
	// Inputs are the topics whose records the owner of an owned log decides on, from
	// the partition with the same number, or from all partitions of one that is Foreign to it; Outputs those to
	// which it publishes what its events cause.
	Inputs, Outputs []string
	// Writers and Readers need access to do their work. RoleReader reads every log, and is
	// not listed. Makers create it and verify its settings, and neither write nor read it.
	Writers, Readers, Makers []Role
}

// LogKind says which rule tells what of a log counts.
type LogKind uint8

const (
	// InputLog: every record counts. Anybody who may write to it does.
	InputLog LogKind = iota + 1
	// OwnedLog: one writer at a time; the log judges itself (docs/wire.md, "Owned logs").
	OwnedLog
	// SharedLog: many writers; the order of the records decides (docs/wire.md, "Shared
	// logs"; package eventlog/sharedlog).
	SharedLog
	// PublishedLog: copies of events of owned logs, which name the event that they
	// were made from. A receiver drops what it has seen.
	PublishedLog
	// SnapshotLog: snapshots of the log named by Of.
	SnapshotLog
	// TableLog: the newest record of each key counts.
	TableLog
)

// String is the word for it in the documentation.
func (k LogKind) String() string {
	return [...]string{"?", "input", "owned", "shared", "published", "snapshots", "table"}[min(int(k), 6)]
}

// Kept says what deletes the records of a log.
type Kept uint8

const (
	// UntilFolded: the owner that reads it deletes what its older verified snapshot
	// has decided.
	UntilFolded Kept = iota + 1
	// WithHistory: the owner deletes what two verified snapshots hold and what is
	// older than the configured history.
	WithHistory
	// NewestTwo: the owner keeps the two newest snapshots.
	NewestTwo
	// KeptForTime: the broker deletes what is older than For.
	KeptForTime
	// UntilCommitted: whoever reads it in a consumer group deletes what is behind the
	// group's committed offsets.
	UntilCommitted
	// NewestByKey: the broker keeps the newest record of each key, by compaction.
	NewestByKey
)

// Role is a kind of program, as access rights name it. A program may have several.
type Role string

// The roles of tasks, and that of who looks on.
const (
	RoleScheduler Role = "scheduler"
	RoleEngine    Role = "engine"
	// RoleProducer writes requests for tasks, in whatever language, and does not follow them:
	// package client needs RoleClient.
	RoleProducer Role = "producer"
	// RoleClient submits tasks and follows them: programs that use package client.
	RoleClient Role = "client"
	// RoleReader reads every log and writes none: spanway verify, and all commands that
	// show something.
	RoleReader Role = "reader"
	// RoleDoctor sees what there is and how it is set, and reads only the logs that tell what is
	// behind: spanway doctor.
	RoleDoctor Role = "doctor"
)

// Roles lists the roles that the catalogue names.
func Roles() []Role {
	return []Role{
		RoleScheduler, RoleEngine, RoleProducer, RoleClient, RoleReader, RoleDoctor, RoleAllocator, RoleRequester,
		RoleQueueHost, RoleQueueUser, RoleReplicator, RoleReplicatorSource, RoleDeclarer, RoleAnnouncer,
		RoleGlobalManager, RoleChannel, RoleLocalManager, RoleOperator,
	}
}

// Catalogue lists the logs of a deployment.
func (t Topics) Catalogue() []Log {
	pool, engine := "pool", "engine ID"
	log := t.Events()
	return append([]Log{
		{
			Topic: t.Requests(), Kind: InputLog, Partitions: PoolPartitions, Key: pool, Kept: UntilFolded,
			Writers: []Role{RoleScheduler, RoleClient, RoleProducer, RoleLocalManager}, Readers: []Role{RoleScheduler},
			ForeignTo: []Role{RoleLocalManager},
		},
		{
			Topic: log, Kind: OwnedLog, Partitions: PoolPartitions, Key: pool, Kept: WithHistory,
			Inputs: []string{t.Requests(), t.Reports()}, Outputs: []string{t.Assignments(), t.Requests(), t.DeadLetters()},
			Writers: []Role{RoleScheduler}, Readers: []Role{RoleScheduler, RoleClient, RoleLocalManager, RoleDoctor},
			ForeignTo: []Role{RoleLocalManager},
		},
		{
			Topic: Snapshots(log), Kind: SnapshotLog, Of: log, Partitions: PoolPartitions, Key: pool, Kept: NewestTwo,
			Writers: []Role{RoleScheduler}, Readers: []Role{RoleScheduler},
		},
		{
			Topic: t.Reports(), Kind: InputLog, Partitions: PoolPartitions, Key: pool, Kept: UntilFolded,
			Writers: []Role{RoleEngine}, Readers: []Role{RoleScheduler, RoleDoctor},
		},
		{
			Topic: t.Assignments(), Kind: PublishedLog, Partitions: AssignmentPartitions, Key: engine, Kept: KeptForTime, For: 24 * time.Hour,
			Writers: []Role{RoleScheduler}, Readers: []Role{RoleEngine, RoleDoctor},
		},
		{
			Topic: t.DeadLetters(), Kind: PublishedLog, Partitions: 1, Kept: KeptForTime, For: 14 * 24 * time.Hour,
			Writers: []Role{RoleScheduler, RoleAllocator, RoleReplicator},
		},
	}, t.idLogs()...)
}

// Log returns the entry of a topic: of the catalogue, of replication, of networks, or of a
// queue. The name may lack the prefix.
func (t Topics) Log(topic string) (Log, bool) {
	all := slices.Concat(t.Catalogue(), t.ReplicationLogs(), t.NetworkLogs(), t.queueLogsOf(topic))
	i := slices.IndexFunc(all, func(l Log) bool { return l.Topic == topic || l.Topic == t.Prefix+topic })
	if i < 0 {
		return Log{}, false
	}
	return all[i], true
}

// Judged tells whether the log itself says which of its records count.
func (l Log) Judged() bool { return l.Kind == OwnedLog || l.Kind == SharedLog }

// Name is the topic without a prefix.
func (l Log) Name(prefix string) string { return strings.TrimPrefix(l.Topic, prefix) }

// Has tells whether the log has that partition.
func (l Log) Has(partition int32) bool { return partition >= 0 && partition < l.Partitions }

// Catalogued tells whether a topic is one of the catalogue, under whatever prefix.
func Catalogued(topic string) bool {
	if _, queue := queueIn(topic); queue {
		return true
	}
	topics := Topics{Prefix: DefaultPrefix}
	return slices.ContainsFunc(slices.Concat(topics.Catalogue(), topics.ReplicationLogs(), topics.NetworkLogs()), func(l Log) bool {
		return strings.HasSuffix(topic, l.Name(DefaultPrefix))
	})
}
