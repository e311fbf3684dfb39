package link

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// Of copies that no replicator has it is not said that they go on, nor that the link is
// consistent.
func TestCopiesThatNobodyHas(t *testing.T) {
	const now = 1_000_000
	l := replication.Link{Spec: replication.Spec{Name: "in"}}
	of := func(replicator, state string) *events.ReplicationCopyReported {
		return &events.ReplicationCopyReported{Link: "in", Topic: "orders", TargetTopic: "orders", State: state, Replicator: replicator, Next: 5, SourceEnd: 5, ConsistentSinceMs: 100, SinceMs: 100}
	}
	share := func(replicator string, copies int32, age int64) *events.ReplicationLinkReported {
		return &events.ReplicationLinkReported{Link: "in", Replicator: replicator, State: "delta", Copies: copies, ConsistentSinceMs: 100, AtMs: now - age}
	}
	for name, c := range map[string]struct {
		shares     []*events.ReplicationLinkReported
		copies     []*events.ReplicationCopyReported
		states     []string
		lag        string
		unknown    int32
		consistent bool
	}{
		"all are had":                      {[]*events.ReplicationLinkReported{share("a", 2, 0)}, []*events.ReplicationCopyReported{of("a", "delta"), of("a", "delta")}, []string{"delta", "delta"}, "0", 0, true},
		"one is of a replicator that died": {[]*events.ReplicationLinkReported{share("a", 1, 0), share("b", 1, 6000)}, []*events.ReplicationCopyReported{of("a", "delta"), of("b", "delta")}, []string{"delta", "unattended"}, "0+", 1, false},
		"one is of a replicator that left": {[]*events.ReplicationLinkReported{share("a", 1, 0)}, []*events.ReplicationCopyReported{of("a", "delta"), of("b", "delta")}, []string{"delta", "unattended"}, "0+", 1, false},
		"their replicator has none now":    {[]*events.ReplicationLinkReported{share("a", 0, 0)}, []*events.ReplicationCopyReported{of("a", "delta")}, []string{"unattended"}, "?", 1, false},
		"no replicator reports":            {nil, []*events.ReplicationCopyReported{of("a", "snapshot")}, []string{"unattended"}, "-", 1, false},
		"the source was deleted":           {[]*events.ReplicationLinkReported{share("a", 0, 0)}, []*events.ReplicationCopyReported{of("b", "source_deleted")}, []string{"source_deleted"}, "0", 0, true},
	} {
		status := &replication.Status{Shares: c.shares, Copies: c.copies}
		v := viewLink(l, status, now)
		if v.lag() != c.lag || v.LagUnknown != c.unknown || (v.ConsistentSince != "") != c.consistent {
			t.Errorf("%s: the link: lag %s, of %d unknown, consistent %q", name, v.lag(), v.LagUnknown, v.ConsistentSince)
		}
		for i, copied := range viewCopies(&l, status, now) {
			left := copied.State == unattended
			if copied.State != c.states[i] || left != (copied.Lag == nil) || left && (copied.ConsistentSince != "" || copied.Remedy == "") {
				t.Errorf("%s: copy %d: %+v", name, i, copied)
			}
		}
	}
}
