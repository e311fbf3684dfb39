// Package interop compares pkg/watermillkafka with watermill-kafka, which is on
// Sarama: that they read each other's messages, and how fast they are. It is a
// module of its own, so that Sarama is no requirement of Spanway's. It owns
// nothing and is imported by nobody.
//
//	go test ./...                                              # from this directory
//	go test -run '^$' -bench . -benchtime 200000x -timeout 5m  # the table of docs/benchmarks.md
package interop
