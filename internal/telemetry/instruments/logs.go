package instruments

// Attributes by the conventions for messaging.
const (
	topic     = "messaging.destination.name"
	partition = "messaging.destination.partition.id"
)

// owners own logs, hosts host shared ones. The global manager hosts the queues of its sites.
var (
	owners = of{"scheduler", "global-manager", "local-manager"}
	hosts  = of{"allocator", "queues", "replicator", "global-manager"}
	// keepers keep the logs of either kind.
	keepers = of{"scheduler", "allocator", "queues", "replicator", "global-manager", "local-manager"}
	every   = of{"scheduler", "engine", "allocator", "queues", "replicator", "global-manager", "local-manager"}
)

// Ready: alerts are of it where a service that stands measures nothing else.
var Ready = gauge(every, "spanway.ready", "",
	"1 while a part of the process does its job, 0 while it does not: /readyz says why.", "part")

// Owned logs, and logs of many writers.
var (
	LogClaims = counter(owners, "spanway.log.claims", "{claim}",
		"Claims of owned logs that this process won.")
	LogLosses = counter(owners, "spanway.log.losses", "{loss}",
		"Times that acknowledged records of an owned log, or of an input, were missing.")
	LogEvents = counter(owners, "spanway.log.events", "{event}",
		"Events that this process appended and that count.")
	LogSkipped = counter(keepers, "spanway.log.skipped", "{record}",
		"Records of logs that were read and do not count, by reason.", "reason", topic, partition)
	LogSnapshots = counter(keepers, "spanway.log.snapshots", "{snapshot}",
		"Snapshots that this process wrote, by outcome: saved, failed; or met: unusable.", "outcome", topic)
	LogSnapshotAge = gauge(keepers, "spanway.log.snapshot.age", "s",
		"How long ago this process has written a snapshot of a log; absent before the first one.", topic, partition)
	LogRecords = gauge(keepers, "spanway.log.records", "{record}",
		"Records that a log keeps, as of when it was looked after last, which is after each snapshot.", topic, partition)
	LogOldestAge = gauge(keepers, "spanway.log.oldest.age", "s",
		"How old the oldest record is that a log keeps, as of when it was looked after last.", topic, partition)
	LogHistory = gauge(keepers, "spanway.log.history", "s",
		"How long records of a log are to be kept although a snapshot holds what they led to; absent if for ever.", topic, partition)
	DeadLetters = counter(of{"scheduler", "allocator", "replicator"}, "spanway.deadletters", "{letter}",
		"Dead letters that this process has written, by reason: the code of what could not be read, ATTEMPTS of a task whose attempts are used up, BURIED of a record that is not copied.", "reason")
	LogPublishHeld = gauge(owners, "spanway.log.publish.held", "{partition}",
		"Target partitions that take nothing: what goes there waits in the log.", partition)
	LogInputRecords = gauge(owners, "spanway.log.input.records", "{record}",
		"Records that an input keeps: not yet read, or not yet behind two snapshots.", topic, partition)
	LogInputLag = gauge(owners, "spanway.log.input.lag", "{record}",
		"Records of an input that are still to be read.", topic, partition)
	LogInputAge = gauge(owners, "spanway.log.input.age", "s",
		"Age of the newest record that was read while more were waiting; 0 if none are.", topic, partition)

	SharedCalls = counter(hosts, "spanway.shared.calls", "{call}",
		"Calls in a shared log that this host has folded, by verdict: ACCEPTED, or a code.", "verdict", topic, partition)
	SharedCopies = counter(hosts, "spanway.shared.copies", "{record}",
		"Records in a shared log that repeat a call, and change nothing.", topic, partition)
	SharedPremature = counter(hosts, "spanway.shared.premature", "{record}",
		"Records in a shared log, of the last hour when they were read, whose writer had seen more than the log holds: it has lost its tail.", topic, partition)
	SharedRepeats = counter(hosts, "spanway.shared.repeats", "{call}",
		"Calls that this host appended again, because their outcome was unknown.", topic, partition)
	SharedRefused = counter(hosts, "spanway.shared.refused", "{call}",
		"Calls of this host that the broker does not take.", topic, partition)
	SharedWaiting = gauge(hosts, "spanway.shared.waiting", "{call}",
		"Calls of this host that have no verdict yet.", topic, partition)
	SharedLag = gauge(hosts, "spanway.shared.lag", "{record}",
		"Records of a shared log that this host has still to fold.", topic, partition)
	SharedLagAge = gauge(hosts, "spanway.shared.lag.age", "s",
		"How old the oldest record of a shared log is that this host has still to fold, by the time that the record bears; until that is fetched, it is that of the record before it. 0 if none is.", topic, partition)

	MirrorStrangers = counter(every, "spanway.mirror.strangers", "{record}",
		"Records of copies of logs that were read and do not count, because others have written them.", topic, partition)
)
