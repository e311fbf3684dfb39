// Package e2e holds whole-system tests: the real binary in separate processes,
// killed, stopped and continued under load, and judged afterwards by
// "spanway verify" from the log alone.
//
// The brokers are kfake in a process of its own; the tests with Apache in their
// name run on a real Apache Kafka (make test-kafka). Those with Chaos (make chaos) are
// told of in package chaos. TestUpgrade (make e2e-upgrade) mixes binaries of older commits and
// of this one.
package e2e
