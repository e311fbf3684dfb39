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
