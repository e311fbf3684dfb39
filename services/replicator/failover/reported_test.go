package failover

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// What was reported says how much is not copied, or that nobody knows: not that all is copied
// because no end was seen.
func TestWhatWasReportedOfAPartition(t *testing.T) {
	for name, c := range map[string]struct {
		m    *events.ReplicationCopyReported
		left int64
		is   Certainty
	}{
		"all is copied":        {&events.ReplicationCopyReported{Next: 7, SourceEnd: 7}, 0, LastKnown},
		"it is empty":          {&events.ReplicationCopyReported{}, 0, LastKnown},
		"some is not":          {&events.ReplicationCopyReported{Next: 5, SourceEnd: 7}, 2, LastKnown},
		"no end was seen":      {&events.ReplicationCopyReported{Next: 5, LagUnknown: true}, 0, Unknown},
		"what comes is hidden": {&events.ReplicationCopyReported{SourceEnd: 7, LagUnknown: true}, 0, Unknown},
	} {
		if p := reported(c.m); p.Left != c.left || p.Certain != c.is {
			t.Errorf("%s: %+v", name, p)
		}
	}
}

// A source that does not take the connection as it is configured is no source that is away: the
// error says so, and what to mend.
func TestASourceThatRejects(t *testing.T) {
	r := &run{}
	r.Config.Link, r.link.Name, r.link.Source = "in", "in", "ams"
	rejected := fmt.Errorf("open: %w", &cluster.Rejected{Broker: "ams:9092", Problem: "the password is wrong", Remedy: "mend it"})
	for want, why := range map[Code]error{SourceRejected: rejected, SourceUnreachable: errors.New("no answer")} {
		if err := r.away(t.Context(), why); !errors.Is(err, &Error{Code: want}) || !errors.Is(err, why) {
			t.Errorf("%v; want %s", err, want)
		}
	}
}

// That of a replicator is not waited for, if something is yet to be copied, and if it is told of
// lately.
func TestAReplicatorThatIsRejected(t *testing.T) {
	now := time.Now().UnixMilli()
	rejected := []*events.ReplicationProblem{{Code: "source_rejected", Text: "the password is wrong"}}
	for name, c := range map[string]struct {
		end   int64
		share *events.ReplicationLinkReported
		want  string
	}{
		"something is left":  {9, &events.ReplicationLinkReported{Link: "in", State: "failed", Problems: rejected, AtMs: now}, "SOURCE_REJECTED: the replicators of this site cannot connect to the source, so that nothing is copied: the password is wrong: orders/0: 2 left"},
		"nothing is left":    {7, &events.ReplicationLinkReported{Link: "in", State: "failed", Problems: rejected, AtMs: now}, ""},
		"it was long ago":    {9, &events.ReplicationLinkReported{Link: "in", State: "failed", Problems: rejected, AtMs: now - time.Minute.Milliseconds()}, ""},
		"of another link":    {9, &events.ReplicationLinkReported{Link: "out", State: "failed", Problems: rejected, AtMs: now}, ""},
		"it is away instead": {9, &events.ReplicationLinkReported{Link: "in", State: "failed", Problems: []*events.ReplicationProblem{{Code: "source_unreachable"}}, AtMs: now}, ""},
	} {
		r := &run{chooses: func(string) bool { return true }}
		r.Config.Link, r.link.Name = "in", "in"
		r.Partitions = []Partition{{Topic: "orders", End: c.end}}
		_, err := r.behind(&replication.Status{
			Copies: []*events.ReplicationCopyReported{{Link: "in", Topic: "orders", TargetTopic: "orders", State: "delta", Next: 7}},
			Shares: []*events.ReplicationLinkReported{c.share},
		})
		if (err == nil) != (c.want == "") || err != nil && !strings.HasSuffix(err.Error(), c.want) {
			t.Errorf("%s: %v; want %q", name, err, c.want)
		}
	}
}
