package client

import (
	"context"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// broker is what the client needs of a Kafka cluster. It is safe for concurrent
// use.
type broker interface {
	// Log returns a handle of its own on a partition, to read from.
	Log(topic string, partition int32) eventlog.Log
	Offsets(ctx context.Context, topic string, partition int32) (start, end int64, err error)
	Topics(ctx context.Context, prefix string) ([]TopicInfo, error)
	// Hidden names the right without which the brokers do not tell whether there is such a
	// topic; nil if they do, or if none answers.
	Hidden(ctx context.Context, topic string) error
	writer
}

// writer is where a broker takes requests.
type writer interface {
	// Writable returns a *eventlog.ReadOnlyError if the topics under the client's prefix
	// are copies. It waits no longer than ctx, and only at first.
	Writable(ctx context.Context, partition int32) error
	// Send queues a record, in order per partition, and calls done once, from
	// another goroutine or this one, with its offset or with why it was given up,
	// no later than ctx ends. It blocks while too much is queued.
	Send(ctx context.Context, topic string, partition int32, r events.Record, done func(offset int64, err error))
	// Close sends what is queued, for at most ctx, and disconnects.
	Close(ctx context.Context) error
}
