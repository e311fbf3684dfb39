package eventlog

import (
	"context"
	"fmt"
	"math"

	"github.com/spanway/spanway/pkg/events"
)

// LossError says that the beginning of a log is gone and that no snapshot takes
// its place, so that its state cannot be known.
type LossError struct {
	Topic     string
	Partition int32
	// Start is where the log begins, End where it ends.
	Start, End int64
	// Snapshots tells how many snapshots there are that could not be used.
	Snapshots int
}

func (e *LossError) Error() string {
	remedy := "with eventlog.Reset in the program that owns it"
	if events.Catalogued(e.Topic) {
		remedy = fmt.Sprintf("with: spanway log reset %s/%d --accept-loss", e.Topic, e.Partition)
	}
	return fmt.Sprintf("%s/%d begins at %d, and no usable snapshot stands at or behind that (%d that cannot be used): "+
		"its state is lost; restore the topics, or accept that %s", e.Topic, e.Partition, e.Start, e.Snapshots, remedy)
}

// VersionError says that a log or a snapshot needs a newer binary.
type VersionError struct {
	What           string
	Version, Known uint32
}

func (e *VersionError) Error() string {
	return fmt.Sprintf("%s has version %d, this binary knows up to %d: upgrade it; the newer ones go on meanwhile",
		e.What, e.Version, e.Known)
}

// WitnessError says that somebody has seen an event which the log may lack. An
// owner's Inputs return it: if the log lacks the event, its loss is recorded and
// receivers are told; else it is void.
type WitnessError struct {
	// Epoch and N of the event, Witness is who had seen it.
	Epoch, N uint32
	Witness  string
}

func (e *WitnessError) Error() string {
	return fmt.Sprintf("%s has seen event %d/%d, which the log lacks", e.Witness, e.Epoch, e.N)
}

// Bounds asks a log what it holds: from start, inclusive, to end.
func Bounds(ctx context.Context, log Log) (start, end int64, err error) {
	page, err := log.Fetch(ctx, math.MaxInt64-1, 0)
	start, end, outside := OutOfRange(err)
	switch {
	case outside:
		return start, end, nil
	case err != nil:
		return 0, 0, fmt.Errorf("ask what the log holds: %w", err)
	}
	return page.Start, page.End, nil
}
