// Package logowner runs an event-sourced service on an owned log (package eventlog):
// it is everything between a pure core and Kafka. A program gives it a core, an entry
// of the catalogue of logs (events.Log) and a cluster, and runs it on as many machines
// as it likes:
//
//	s, err := logowner.New(logowner.Config[int64]{
//		Name: "counter", Log: "counter.events", Catalogue: catalogue, Group: "counter",
//		Inputs:  []logowner.Input[int64]{{Topic: "counter.adds", Prepare: number}},
//		NewCore: func(int32) eventlog.Core[int64] { return &counter{} },
//		Cluster: logowner.On(cluster), Encoder: events.Encoder{Source: "/counter"},
//	})
//	...
//	err = s.Run(ctx)
//
// examples/counter is the whole program.
//
// # What it is for
//
// A fenced single writer whose inputs take effect exactly once, on any Kafka, without
// transactions: of each partition of the log one process decides at a time; every
// record of the inputs is decided once, by a function of the log; what an event causes
// on other topics is sent once it is known to count, and again after a crash, under
// the same ID, so that receivers drop what they have. This holds when processes are
// killed, paused for as long as you like, cut off, or believe to be the owner when
// they are not; when acknowledgements are lost; and when a broker forgets producers.
//
// Kafka's transactions give a similar thing, and need more of it. A producer has a
// transactional.id for each partition of the input, which the broker fences by an
// epoch: that ends a zombie only once the successor has called initTransactions with
// the very same ID, so IDs must be handed out as partitions are (or the group's
// generation be part of the commit). Every reader must read with read_committed, and
// is stopped by each transaction that hangs until it times out; the coordinator's
// state expires (transactional.id.expiration.ms). What counts is known to the brokers
// alone: a copy of the topic on another cluster, a file, or a reader which does not
// know of it, sees what was aborted, too. And a transaction makes offsets and records
// atomic, but not the service's state: that is to be rebuilt by other means. Here the
// log itself says what counts, to a reader in any language (docs/wire.md), the state
// is the fold of it, and the brokers need to know nothing. What it does not give:
// records on several topics at the same moment. What events cause elsewhere comes
// after them, and may come twice.
//
// An elected leader with a lease is not fenced by the lease: a process that is paused
// between "I hold the lease" and "append" appends whenever it goes on, and no clock
// tells it. A lease is safe only where whatever is written to checks a token that
// grows. Kafka does not. An owned log does: a batch names the history on which it was
// decided, and one that lands on another does not count. The consumer group
// only says which process claims a partition, and may be wrong; the claim decides
// which one owns it.
//
// # Topics
//
// In: the inputs of the catalogue's entry, of each the partition with the number of the
// owned one, or the one that Input.Partition says. An input is a plain topic, of which every record is decided; or a log that
// judges itself, of which only what counts is. Out: the log, its snapshots, and what
// events cause on the outputs. The records of an input that the catalogue keeps until
// they are folded are deleted behind two snapshots, but for the last one; those of others
// never are, and so are those of another owner's log: if they are truncated before they were read, that
// is a loss, which is logged and counted. A topic that another service makes (events.Log.Foreign)
// is waited for, and nothing of it is deleted.
//
// # States of a partition
//
//	         assigned                     folded, claimed
//	idle ───────────────▶ claiming ───────────────────────▶ owning
//	 ▲                       ▲  └──────── newer claim ◀───────┤
//	 │        backoff        └────────────────────────────────┤ newer claim, lost tail,
//	 └──────────────────────── taken away by the group ◀──────┘ broker away too long
//
// An owner outlives the generation of the group in which it began: it ends when the
// group has given the partition to another member, when the log shows a newer claim, or
// with the service. It is one goroutine for decisions, one for each input (which also
// prepares the records), one for snapshots while one is written, and a producer. While
// nothing happens they sleep; an input is read more often when the core waits for silence.
//
// # Publishing
//
// What events cause is sent in order for each target partition; at most 4 MiB are
// under way to one. While a target partition accepts nothing, the owner sends no more
// there and holds no records for it. When it accepts again, its records are made again
// from the events that LogPublished does not cover yet. The owner keeps these events in
// any case, and snapshots hold them. So a partition without room has this price:
// LogPublished stays before the first event that it did not get, and the next owner
// sends to all others again what they got since. When such events come to 256 MiB, no
// more inputs are decided until there is room. The gauge spanway.log.publish.held counts
// partitions without room; a log line names one that accepts nothing for 5 s.
//
// # Positions of inputs
//
// The log holds, with each batch, the offset behind the newest record of each input
// that was decided. An owner reads on from there. Of an input that judges itself a
// batch is handed on when all of it was read; so a position is the end of a batch,
// except where the decisions on one large batch did not fit one batch of the owner.
// Either way the next owner's reader begins at a batch before the position, judges from
// there, and hands on what lies behind the position: each record once.
//
// An input that begins behind the position was deleted before it was read. That is logged and
// counted, and the core may decide on it (Input.Missed).
//
// An input that ends below the position has lost its tail. So has one that holds other
// records than this process has read there; what grew again while no process read it is
// not noticed. It is read on from the first record that differs, or, if nothing shows
// which that is, from the beginning of what is left: then inputs that may have been
// decided before are marked (Again). The loss is logged and counted, and is what Trouble
// says until the end of that time is reached. Decisions that were made on lost records
// stay.
//
// # Invariants
//
//   - A partition is claimed only within a living generation of the group.
//   - Nothing is published before it counts; in order for each target partition.
//   - A target partition that takes nothing holds back only what goes there.
//   - What is decided depends on the log and the inputs alone, never on which process
//     decides, or when it was started.
//
// # On a crash
//
// Nothing needs to be saved: the next owner begins at a snapshot, folds the rest of the
// log, finds the positions in it, publishes what the log does not say was published,
// and goes on.
package logowner
