package failover

import (
	"errors"
	"slices"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// A copy that has stopped, or whose snapshot was given up, ends the wait: it does not go on
// by itself. One whose snapshot waits for others does.
func TestWhatDoesNotGoOnIsNotWaitedFor(t *testing.T) {
	for state, ends := range map[string]bool{"stopped": true, "failed": true, "waiting": false, "snapshot": false} {
		r := &run{Config: Config{Link: "in"}, chooses: func(string) bool { return true }}
		r.link.Name = "in"
		r.Partitions = []Partition{{Topic: "orders", End: 9}}
		left, err := r.behind(&replication.Status{Copies: []*events.ReplicationCopyReported{
			{Link: "in", Topic: "orders", TargetTopic: "orders", State: state, Next: 4},
		}})
		var refused *Error
		if ends != (errors.As(err, &refused) && refused.Code == NotDrained) {
			t.Errorf("%s: %v", state, err)
		}
		if !ends && !slices.Equal(left, []string{"orders/0: 5 left"}) {
			t.Errorf("%s: %q", state, left)
		}
	}
}
