// Package watermillkafka is a Pub/Sub of Watermill on kafka-go: a Publisher that
// is idempotent and a Subscriber whose commits are fenced. Both pass Watermill's
// universal test-suite, and their records are those of watermill-kafka.
//
// It owns no topic; SubscribeInitialize creates those it is asked for. A
// Subscriber owns the offsets that its group commits, and a message from the
// moment it is handed out until it is acknowledged.
//
// One partition, within one generation of the group:
//
//	           page             hand-over                 Ack
//	fetched ──────────► next ─────────────► handed out ─────────► acknowledged
//	                     ▲   (channel is        │                     │ all before it, too
//	                     │    unbuffered)       │ Nack, pause         ▼
//	                     └──────────────────────┘                 committed
//
// What was not handed out when the generation ends is dropped. What was handed
// out then has a moment to be acknowledged; after that its context is cancelled
// and its acknowledgement changes nothing.
//
// Invariants:
//   - Nothing is handed out once the group may have given its partition to
//     another: the member joins anew only after every hand-over has ended.
//   - An offset is committed only when everything before it is acknowledged, or
//     was set aside by the policy for what cannot be decoded.
//   - A commit is made in the name of the generation that the message came in;
//     the coordinator refuses it when that one is over (kafka.Fenced).
//   - Messages of a partition are handed out in the order of their offsets, at
//     most InFlight of them unacknowledged, and one of each key; partitions do not wait
//     for each other.
//   - No offset is passed over in silence: out of range is an error that ends the
//     subscription, unless a policy says where to go on, and that is logged.
//
// After a crash of this process, messages that were acknowledged since the last
// commit, a tenth of a second before at most, and those that were handed out
// come again, to whoever has the partition then: delivery is at least once. So
// it is when the broker restarts, or a rebalance finds a handler at work. After a
// crash within Publish its messages may be in the log or not. A process that
// was stopped for longer than its session and continues may hand out what is
// not its own any more, until it hears of it: its commits are fenced, its
// side effects are the handler's to make idempotent.
package watermillkafka
