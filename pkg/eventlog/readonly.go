package eventlog

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// ReadOnlyError says that a log is a copy that a replicator makes: nothing may be written
// to it but by the replicator. Nothing was appended.
type ReadOnlyError struct {
	Topic     string
	Partition int32
	// Of is the partition, in another cluster, of which it is the copy.
	Of events.ClusterPartition
	// Prefix is that of the topics there, where it is known.
	Prefix string
}

func (e *ReadOnlyError) Error() string {
	there := "write there"
	if e.Prefix != "" {
		there = fmt.Sprintf("write there, under the prefix %s (--site or --brokers, and --prefix)", e.Prefix)
	}
	return fmt.Sprintf("%s: %s/%d is a copy of %s/%d of the cluster with the ID %s; %s: it comes here by the replicator",
		events.CodeReadOnlyMirror, e.Topic, e.Partition, e.Of.Topic, e.Of.Partition, e.Of.Cluster, there)
}

// Refused says that the record will never be taken here (see Log).
func (e *ReadOnlyError) Refused() bool { return true }

// Denied says that to try again does not help.
func (e *ReadOnlyError) Denied() bool { return true }

// Writable returns a *ReadOnlyError if a log is known to be a copy. A log that holds
// nothing may become one; a log that cannot be a copy is writable.
func Writable(ctx context.Context, log Log) error {
	if l, ok := log.(interface {
		Writable(ctx context.Context) error
	}); ok {
		return l.Writable(ctx)
	}
	return nil
}
