package engine

import (
	"context"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// transport is what an engine needs of a broker: its partition of
// tasks.assignments to read, and that of engines.reports to append to.
type transport interface {
	// End is the offset that the next assignment will get.
	End(ctx context.Context) (int64, error)
	// Fetch reads on from an offset and waits a while for something to read. An
	// offset that is not kept any more is answered with an empty page whose
	// Next is one that is.
	Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error)
	// Send appends a report behind those sent before. It may block while too
	// much waits to be sent, no longer than ctx. done is called once, maybe from
	// another goroutine; an error that is the record's own fault has Refused() true.
	Send(ctx context.Context, r events.Record, done func(offset int64, err error))
	// Flush waits until everything sent is done or ctx ends.
	Flush(ctx context.Context) error
	// Close gives up what is not done.
	Close()
}
