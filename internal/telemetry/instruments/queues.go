package instruments

var queues = of{"queues"}

// Queues. Only the first hundred by name are measured: their number has no bound.
var (
	QueueEntries = gauge(queues, "spanway.queue.entries", "{entry}",
		"Entries that a queue holds.", "queue")
	QueueClaimed = gauge(queues, "spanway.queue.claimed", "{entry}",
		"Entries that are claimed.", "queue")
	QueueBytes = gauge(queues, "spanway.queue.size", "By",
		"Bytes of payloads and IDs that a queue holds.", "queue")
	QueueFullness = gauge(queues, "spanway.queue.fullness", "1",
		"How full a queue is, by entries or by bytes, whichever is more: at 1 it takes no more.", "queue")
	QueueHeadAge = gauge(queues, "spanway.queue.head.age", "s",
		"How long ago the first entry of a queue was enqueued; 0 if it is empty. While that cannot be read it is that of the first entry that was read last, and absent if there is none.", "queue")
)
