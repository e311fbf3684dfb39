// Package events is the language of Spanway: the schemas of commands, reports
// and events (proto/spanway/v1), their CloudEvents envelope on Kafka, typed
// IDs, refusal codes, and the topics with their settings.
//
// It owns no connection and keeps no state. Everything here is a pure function
// of its arguments, so cores may import it. What two programs must agree on is
// pinned by the golden fixtures in testdata.
//
// A record's life: a message is given its type and headers by an Encoder, is
// carried as a Record, and comes back through Decode, which accepts binary and
// structured CloudEvents with protobuf or JSON data. What cannot be decoded is
// a *Malformed with a refusal Code, never a panic.
package events

//go:generate make -C ../.. generate
