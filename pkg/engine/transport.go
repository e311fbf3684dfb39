package engine

import (
	"context"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// transport is what an engine needs of a broker.
type transport interface {
	// End is the offset that the next record of the partition will get.
	End(ctx context.Context, topic string, partition int32) (int64, error)
	// Fetch reads on from an offset and waits a while for something to read. An
	// offset that is not kept any more is answered with an empty page whose
	// Next is one that is.
	Fetch(ctx context.Context, topic string, partition int32, from int64, wait time.Duration) (events.Page, error)
	// Send appends a record behind those sent to the partition before. It may
	// block while too much waits to be sent. done is called once, from another
	// goroutine; an error that is the record's own fault has Refused() true.
	Send(topic string, partition int32, r events.Record, done func(offset int64, err error))
	// Flush waits until everything sent is done or ctx ends.
	Flush(ctx context.Context) error
	// Close gives up what is not done.
	Close()
}
