// Package e2e holds whole-system tests: the real binary in separate processes,
// killed, stopped and continued under load, and judged afterwards by
// "spanway verify" from the log alone.
//
// Brokers are kfake in a process of its own by default; SPANWAY_E2E_KAFKA=4.3.0
// runs the same tests on a real Apache Kafka of that version.
package e2e
