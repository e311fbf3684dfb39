package instruments

var (
	scheduler = of{"scheduler"}
	engine    = of{"engine"}
)

// Tasks, as schedulers see them.
var (
	TasksWaiting = gauge(scheduler, "spanway.scheduler.tasks.waiting", "{task}",
		"Tasks that wait for an engine.", partition)
	TasksRunning = gauge(scheduler, "spanway.scheduler.tasks.running", "{task}",
		"Tasks with an unfinished attempt.", partition)
	TasksRejected = counter(scheduler, "spanway.scheduler.tasks.rejected", "{task}",
		"Requests that were refused, by code.", "code")
	TasksEnded = counter(scheduler, "spanway.scheduler.tasks.ended", "{task}",
		"Tasks that have ended, by outcome: succeeded, failed, expired, cancelled, dead.", "outcome")
	AttemptsFailed = counter(scheduler, "spanway.scheduler.attempts.failed", "{attempt}",
		"Attempts that have failed, of tasks that may be tried again.")
	Waits = gauge(scheduler, "spanway.scheduler.waits", "{task}",
		"Waiting tasks by reason, looked at once a second: NOT_BEFORE (also AFTER, BACKOFF), LIMITED, NO_ENGINE, PREDICATE_FALSE (also KIND_UNHANDLED, UNKNOWN_ATTRIBUTE, NOT_ACCEPTED, IMPOSSIBLE), NO_CAPACITY; REPLACED (their pool is placed at another site).", "reason", partition)
	WaitsOldest = gauge(scheduler, "spanway.scheduler.waits.oldest", "s",
		"How long the task has waited that waits longest, of those that could be assigned, without what it ran, paused, or waited for others before; 0 if none waits. After a take-over, a task that ran before counts from then, and one that waited for others from its acceptance.", partition)
	Capacity = gauge(scheduler, "spanway.scheduler.capacity", "",
		"What engines that take tasks have, by dimension and state: allocatable, promised. The first twenty dimensions by name.", "dimension", "state", partition)
	Engines = gauge(scheduler, "spanway.scheduler.engines", "{engine}",
		"Engines that are not lost or departed.", partition)
	PredicateEvaluations = counter(scheduler, "spanway.scheduler.predicate.evaluations", "{evaluation}",
		"Evaluations of predicates on engines.", partition)
	ReceiptsDoubted = counter(scheduler, "spanway.scheduler.receipts.doubted", "{heartbeat}",
		"Heartbeats that claim to have read what the log does not hold, and are not evidence that it was lost.", partition)
)

// Attempts, as engines see them.
var (
	AttemptsRunning = gauge(engine, "spanway.engine.attempts.running", "{attempt}",
		"Attempts held now.", "engine", "pool")
	HandlersStopping = gauge(engine, "spanway.engine.handlers.stopping", "{handler}",
		"Handlers that were told to end and have not.", "engine", "pool")
	HandlersAbandoned = counter(engine, "spanway.engine.handlers.abandoned", "{handler}",
		"Handlers that did not end although they were stopped.", "engine", "pool")
	AttemptsStarted = counter(engine, "spanway.engine.attempts.started", "{attempt}",
		"Attempts started.", "engine", "pool")
	AttemptsFinished = counter(engine, "spanway.engine.attempts.finished", "{attempt}",
		"Attempts that ended and were reported.", "engine", "pool")
	AttemptsRefused = counter(engine, "spanway.engine.attempts.refused", "{attempt}",
		"Assignments that the engine would not take.", "engine", "pool")
	AttemptsCancelled = counter(engine, "spanway.engine.attempts.cancelled", "{attempt}",
		"Attempts that the scheduler ended: cancelled, taken back or timed out by it.", "engine", "pool")
	AssignmentsMalformed = counter(engine, "spanway.engine.records.malformed", "{record}",
		"Records of the assignments that could not be understood.", "engine", "pool")
	LeasesLost = counter(engine, "spanway.engine.leases.lost", "{lease}",
		"How often the lease was lost.", "engine", "pool")
)
