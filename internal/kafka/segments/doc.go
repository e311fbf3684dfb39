// Package segments reads the topics that a broker keeps on disk, without the broker: those
// of Apache Kafka (a directory of log.dirs) and those of the embedded broker (spanway dev
// --data). Both have a directory for each partition, TOPIC-NUMBER, with files of record
// batches as they stand on the wire, each named by its first offset.
//
// It is for a broker that has stopped, or for a copy of its disk: a backup, or what is left
// of a machine. It writes nothing and locks nothing. Of a broker that runs it gives what it
// had written when the partition was first looked at.
//
// # Where a partition begins and ends
//
// It begins where the broker says: in log-start-offset-checkpoint, which Apache Kafka writes
// each minute and when it stops, or in snapshot.json of the embedded broker. After a crash
// that may be an older beginning, as long as the records are still there. It ends behind the
// last whole batch: the end of its last file that a crash has torn is left out, as a broker
// leaves it out when it starts. What is torn elsewhere is an error, and so is an end below
// what the broker noted as acknowledged (replication-offset-checkpoint, snapshot.json).
// A partition that an embedded broker has created and not written to has no directory if the
// broker was killed: its topics.json says that there is one, and it is empty. Of Apache Kafka
// each has one, and a missing one is an error.
// That no file is missing in between is for Whole to tell: where a topic is compacted,
// offsets are missing anyway.
//
// Of several replicas that of the latest leader epoch is read. Records at its end may
// be there that were never acknowledged, because not all replicas had them.
//
// Aborted transactions are left out by the index that the broker has of them.
package segments
