package link

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// A link that was just declared is waited for, with what is waited for, and not for ever.
func TestFirstReportsAreWaitedFor(t *testing.T) {
	now := time.Now().UnixMilli()
	share := func(copies int32, at int64) *events.ReplicationLinkReported {
		return &events.ReplicationLinkReported{Link: "orders", Replicator: "r1", Copies: copies, AtMs: at}
	}
	one := &events.ReplicationCopyReported{Link: "orders", Topic: "orders"}
	two := &events.ReplicationCopyReported{Link: "orders", Topic: "orders", Partition: 1}
	nothing := replication.Status{Shares: []*events.ReplicationLinkReported{{Link: "other", AtMs: now}}}
	idle := replication.Status{Shares: []*events.ReplicationLinkReported{share(0, now)}}
	some := replication.Status{Shares: []*events.ReplicationLinkReported{share(2, now)}, Copies: []*events.ReplicationCopyReported{one}}
	all := replication.Status{Shares: []*events.ReplicationLinkReported{share(2, now)}, Copies: []*events.ReplicationCopyReported{one, two}}
	silent := replication.Status{Shares: []*events.ReplicationLinkReported{share(2, now-60_000)}, Copies: []*events.ReplicationCopyReported{one}}
	bad := replication.Status{Shares: []*events.ReplicationLinkReported{{Link: "orders", AtMs: now, Problems: []*events.ReplicationProblem{{Code: "same_cluster"}}}}}
	gone := &events.ReplicationCopyReported{Link: "orders", Topic: "orders", State: sourceDeleted}
	deleted := replication.Status{Shares: []*events.ReplicationLinkReported{{Link: "orders", State: "idle", AtMs: now}}, Copies: []*events.ReplicationCopyReported{gone}}
	for _, c := range []struct {
		name  string
		reads []replication.Status
		wait  time.Duration
		want  int
		told  []string
	}{
		{"all is there", []replication.Status{all}, time.Minute, 2, nil},
		{"it comes", []replication.Status{nothing, idle, some, all}, time.Minute, 2, []string{"no replicator", "no topic", "1 of 2 partitions"}},
		{"a replicator that is gone", []replication.Status{silent}, time.Minute, 1, nil},
		{"a problem", []replication.Status{bad}, time.Minute, 0, nil},
		{"all was deleted at the source", []replication.Status{deleted}, time.Minute, 1, nil},
		{"nobody reports", []replication.Status{nothing}, 0, 0, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			var notes strings.Builder
			a := &cli.App{Err: io.Writer(&notes)}
			reads := 0
			status, err := awaitReports(t.Context(), a, "orders", c.wait, func(context.Context) (replication.Status, error) {
				reads++
				return c.reads[min(reads, len(c.reads))-1], nil
			})
			if err != nil || len(status.Copies) != c.want {
				t.Errorf("%d copies, %v, want %d", len(status.Copies), err, c.want)
			}
			if lines := strings.Count(notes.String(), "\n"); lines != len(c.told) {
				t.Errorf("it tells %q", notes.String())
			}
			for _, want := range c.told {
				if !strings.Contains(notes.String(), want) {
					t.Errorf("it tells %q, without %q", notes.String(), want)
				}
			}
		})
	}
}
