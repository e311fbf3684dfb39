// Package kafkatest is the contract of the wire: what internal/kafka promises,
// tried on a broker. Run it on every broker that Spanway says it works with.
// Records that only other clients write (transactions, compressions) are
// written by franz-go.
package kafkatest
