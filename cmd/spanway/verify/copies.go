package verify

import (
	"context"
	"errors"
	"fmt"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// copied is the error of logs of which one is a copy: its records stand at other offsets
// and name another topic, so that to judge them as they stand would find nothing, and that
// is no proof.
type copied struct{ is *eventlog.ReadOnlyError }

func (e *copied) Error() string {
	return fmt.Sprintf(`%s: %s/%d is a copy of %s/%d of the cluster with the ID %s, and copies are not judged; run "spanway verify" at that cluster, and "spanway link audit" to compare the copy`,
		events.CodeReadOnlyMirror, e.is.Topic, e.is.Partition, e.is.Of.Topic, e.is.Of.Partition, e.is.Of.Cluster)
}

// ExitCode is that of a refusal.
func (e *copied) ExitCode() int { return cli.ExitRefused }

// noCopies returns a *copied if one of the logs is a copy.
func noCopies(ctx context.Context, from deployment, logs []events.Log) error {
	for _, log := range logs {
		for p := range log.Partitions {
			err := from.Writable(ctx, log.Topic, p)
			if is := (*eventlog.ReadOnlyError)(nil); errors.As(err, &is) {
				return &copied{is}
			}
			if err != nil {
				return fmt.Errorf("verify %s: %w", log.Topic, err)
			}
		}
	}
	return nil
}
