package failover

import (
	"errors"
	"slices"
	"testing"
	"time"

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

// That all was deleted at the source is said of a link of which replicators report that there
// is nothing else.
func TestAllIsDeletedAtTheSource(t *testing.T) {
	now := time.Now()
	gone := &events.ReplicationCopyReported{Link: "in", State: sourceDeleted}
	idle := &events.ReplicationLinkReported{Link: "in", State: "idle", AtMs: now.UnixMilli()}
	for name, c := range map[string]struct {
		share  *events.ReplicationLinkReported
		copies []*events.ReplicationCopyReported
		want   bool
	}{
		"all is":                      {idle, []*events.ReplicationCopyReported{gone, {Link: "other", State: "delta"}}, true},
		"one is there":                {idle, []*events.ReplicationCopyReported{gone, {Link: "in", State: "delta"}}, false},
		"nothing was copied":          {idle, []*events.ReplicationCopyReported{{Link: "other", State: sourceDeleted}}, false},
		"one is there, and not told":  {&events.ReplicationLinkReported{Link: "in", State: "delta", Copies: 1, AtMs: now.UnixMilli()}, []*events.ReplicationCopyReported{gone}, false},
		"the link has a problem":      {&events.ReplicationLinkReported{Link: "in", State: "failed", AtMs: now.UnixMilli()}, []*events.ReplicationCopyReported{gone}, false},
		"no replicator reports":       {&events.ReplicationLinkReported{Link: "in", State: "idle", AtMs: now.Add(-time.Minute).UnixMilli()}, []*events.ReplicationCopyReported{gone}, false},
		"one reports of another link": {&events.ReplicationLinkReported{Link: "other", State: "idle", AtMs: now.UnixMilli()}, []*events.ReplicationCopyReported{gone}, false},
	} {
		s := &replication.Status{Shares: []*events.ReplicationLinkReported{c.share}, Copies: c.copies}
		if got := AllDeleted("in", s, now); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
