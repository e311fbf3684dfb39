// Package kafka is how Spanway speaks to Kafka: the only package (besides
// pkg/watermillkafka) that uses kafka-go, of which it takes the Transport and
// the ConsumerGroup and little else. It owns no topic; it creates and verifies
// those it is given.
//
//   - Partition: append one idempotent batch, read one page of record batches; a
//     batch that opens to more than a page is read over several. The idle partitions
//     of a client wait with one request at each broker (see waiting).
//     A handle of a topic's ID (OfTopic) reads of no other topic of that name.
//   - Producer: single records to many partitions, batched as load demands.
//   - FencedWriter: encoded batches to one partition, from which every earlier writer of
//     the same transactional ID is shut out.
//   - Join: membership in a consumer group, to share partitions out; what a
//     Generation commits is fenced by it.
//   - Ensure, Topics, Offsets, TopicID: administration.
//
// Every connection comes from Client.dial, which secures it (TLS, SASL) and has had
// an answer on it before kafka-go gets it. What cannot work is a *Rejected error, and
// a right that is missing a *Denied one; neither is tried again, but by what runs
// until it is stopped (Join, Producers with Forever), which then logs it.
//
// What an answer means for a batch that was sent (see class):
//
//	           ┌── done ──────────────► appended, at the offset of the answer
//	send ──► answer ── unknown ───────► the very same bytes again, until RetryBudget
//	  ▲        ├── lost state ────────► the same records under a new producer ID
//	  └────────┤
//	           ├── refused ───────────► *Refused: the record is at fault
//	           └── denied ────────────► error: not the record's fault, but no use to try again
//
// Invariants: one batch under way per producer and partition; a producer's
// sequence number never stands for two different batches; a producer ID is not
// used again after anything went wrong that the broker did not clear up; Fetch
// never stops at what holds no records and never returns those of an open or
// aborted transaction; a page that is proven is of the topic with the ID that was asked
// for (see FetchProven).
//
// After a crash of this process, a batch under way may or may not stand in the
// log. After a crash of the broker the broker may have forgotten the producer;
// it also forgets one whose last record's timestamp is older than
// producer.id.expiration.ms (a day by default), so old timestamps void broker
// idempotence. Then a batch sent twice may stand in the log twice.
// Nothing above may rely on broker idempotence; owned logs rely on the chain of
// pkg/eventlog.
//
// A FencedWriter's states:
//
//	new ── Claim ──► claimed ── 47 or 90 ──────────────────► fenced, for good
//	 ▲                 │ Append, Renew
//	 └── outcome unknown, not renewed for half of the expiry, or the cluster forgot it
//
// Its claim stands when its abort marker stands, which EndTxn answers before; the marker is
// found in the partition. Invariants: it sends nothing without a claim; one batch is under
// way; a batch of unknown outcome is followed by the same bytes or by a claim. After a crash
// a batch may still come to stand until the next claim's marker, and not behind it. A
// transaction that a crash left open is aborted by the next claim, or after a minute.
// The fence is no stronger than the cluster's memory: an idle writer must Renew, and a
// batch whose timestamps are older than producer.id.expiration.ms ends it (see TooOld).
//
// Client.Fetch and Client.InitProducerID of kafka-go panic in a process that
// has this package, because its own messages take the place of theirs.
package kafka
