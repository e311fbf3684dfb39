package instruments

var allocator = of{"allocator"}

// Identifiers. Only the first spaces of a partition are measured one by one: their number
// has no bound.
var (
	IDsAnswers = counter(allocator, "spanway.allocator.answers", "{command}",
		"Commands that were answered, by code; empty if they were done.", "code")
	IDsGrants = counter(allocator, "spanway.allocator.grants", "{range}",
		"Ranges that this process has granted.")
	IDsGranted = counter(allocator, "spanway.allocator.identifiers", "{identifier}",
		"Identifiers in the ranges that this process has granted.")
	ProposalsRefused = counter(allocator, "spanway.allocator.proposals.refused", "{proposal}",
		"Proposals of the store that the log has refused, by code: it had forgotten what was granted.", "code")
	BatchesFailed = counter(allocator, "spanway.allocator.batches_failed", "{batch}",
		"Batches that the store did not propose, by reason: CONTENDED, UNAVAILABLE.", "reason")
	SpaceFree = gauge(allocator, "spanway.allocator.space.free", "{identifier}",
		"Identifiers that can be granted.", "space")
	SpaceLive = gauge(allocator, "spanway.allocator.space.live", "{identifier}",
		"Identifiers that are held.", "space")
	SpaceQuarantined = gauge(allocator, "spanway.allocator.space.quarantined", "{identifier}",
		"Identifiers that rest.", "space")
	SpaceLargestFree = gauge(allocator, "spanway.allocator.space.largest_free", "{identifier}",
		"Identifiers of the longest free range.", "space")
	SpaceExhaustion = gauge(allocator, "spanway.allocator.space.exhaustion", "s",
		"How long the free identifiers last at the rate of the last hour; absent if they did not become fewer in it, and until ten minutes of that were seen.", "space")
	SpaceFragmentation = gauge(allocator, "spanway.allocator.space.fragmentation", "1",
		"The part of the free identifiers that is not in the longest free range.", "space")
)

// What allocators do in Redis. Spaces are never attributes here.
var (
	StoreAttempts = counter(allocator, "spanway.allocator.store.attempts", "{attempt}",
		"Changes of a space that were tried in Redis, by WATCH, MULTI and EXEC.")
	StoreConflicts = counter(allocator, "spanway.allocator.store.conflicts", "{attempt}",
		"Changes that others came before, and which were tried again.")
	StoreBudgetExhausted = counter(allocator, "spanway.allocator.store.budget_exhausted", "{change}",
		"Changes that were given up because others came before each time.")
	StoreFailures = counter(allocator, "spanway.allocator.store.failures", "{failure}",
		"Changes that Redis did not answer as it should, by reason: the first word of its answer, such as OOM, else TIMEOUT, MOVING or UNREACHABLE.", "reason")
	StoreRaised = counter(allocator, "spanway.allocator.store.raised", "{space}",
		"Times that Redis was behind the log, and brought up to it.")
	StoreReturned = counter(allocator, "spanway.allocator.store.returned", "{range}",
		"Ranges that Redis held and the log did not, and which were returned.")
	StoreReplaced = counter(allocator, "spanway.allocator.store.replaced", "{key}",
		"Keys of spaces that held something else than a hash, and were replaced.")
	StoreDuration = histogram(declare(KindHistogram, allocator, "spanway.allocator.store.duration", "s",
		"How long a change of a space took in Redis.", nil), .0002, .0005, .001, .002, .005, .01, .05, .2, 1)
	StoreCircuitOpen = gauge(allocator, "spanway.allocator.store.circuit.open", "",
		"1 while Redis is left alone because it failed several times in a row.")
	StoreUnsafe = gauge(allocator, "spanway.allocator.store.unsafe", "",
		"1 for each setting of Redis by which it may forget.", "setting")
)
