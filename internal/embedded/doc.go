// Package embedded runs Kafka inside the process, for `spanway dev`, tests and
// benchmarks: kfake of franz-go, which speaks the real protocol over loopback
// TCP and keeps its data in a directory. Nothing needs to be installed.
//
// It owns its data directory, which it locks. After a crash it loads what
// acknowledged batches it finds; with SyncWrites that is all of them, also
// after a power loss.
//
// It acknowledges only what is written (see gate.go). A write that fails, a disk that
// is nearly full, and a directory that is read-only, replaced or gone stop it: no
// answer leaves it any more, Failed tells its user, and Err says why. Records that were
// deleted stay deleted (see starts.go), and a partition whose records were all deleted
// keeps its end (see ends.go). ADR 19 says how, and what
// happens if the process is killed in between.
//
// A client that announces a request of more than 100 MiB, such as by speaking HTTP, is hung
// up on.
//
// A member of a group whose connection ends while it waits in JoinGroup has a session as
// any other (see joining.go).
//
// What is different from Apache Kafka, so that nobody takes a test here for
// proof of it:
//   - One goroutine serves all requests; there is no replication, whatever the
//     replication factor, and a leader is never away.
//   - After kill -9 it has forgotten producers' sequence numbers (its records
//     survive), so a batch sent again then is appended twice.
//   - It accepts timestamps in the future, and LogAppendTime leaves records'
//     timestamps as they were sent.
//   - A member that waits in JoinGroup or SyncGroup is dropped without an answer when its
//     session ends, unless it sends heartbeats beside it. Package kafka does so in
//     JoinGroup only.
//   - A group's first rebalance does not wait for more members.
//   - Members that had not left when it closed are back, dead, at the next
//     start, until their session ends.
//   - Topic settings are stored and mostly not acted upon: retention and
//     compaction run only when a test asks for them.
package embedded
