package replicator

import (
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/audit"
	"github.com/spanway/spanway/services/replicator/audit/compare"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// What a link passed over before it was widened (more sites that may be named, another header,
// records that name none) was right then: both audits find the copy equal and count it by
// itself, also after a restart of the replicator. A copy that is lost is missing all the same.
func TestALinkIsWidened(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 1)
	s, stop := fra.serve("one")
	wrote := 0
	var copied []string
	write := func(n int, wanted bool, headers ...events.Header) {
		ams.write("orders", 0, wrote, n, headers...)
		if wrote += n; wanted {
			copied = append(copied, values("ams", wrote)[wrote-n:]...)
		}
	}
	sites, to := events.Header{Key: "sites", Value: []byte("fra")}, events.Header{Key: "to", Value: []byte("ams, fra")}
	for i, step := range []struct {
		routing         links.Routing
		bySites, by, no bool
	}{
		{links.Routing{Allowed: []string{"ams"}, PassUnknown: true}, false, false, false},
		{links.Routing{Allowed: []string{"ams", "fra"}, PassUnknown: true}, true, false, false},
		{links.Routing{Header: "to"}, false, true, false},
		{links.Routing{Header: "to", Unrouted: true}, true, true, true},
	} {
		declared := time.Now()
		fra.links.link(links.Spec{Name: "in", Source: "ams", Model: links.Routed, Include: []string{"orders"}, Routing: step.routing})
		ready := func(st *standing) bool {
			return st.report.State == mirror.Delta && st.report.Next == int64(wrote) && st.report.Since.After(declared)
		}
		until(t, s, "in/orders/0", "it goes on by what is declared now", ready)
		write(3, step.bySites, sites)
		write(4, step.by, to)
		write(5, step.no)
		until(t, s, "in/orders/0", "all is decided", ready)
		if i == 1 {
			stop()
			s, stop = fra.serve("one")
		}
	}
	fra.has("orders", 0, copied)
	open := func(checkpoints *audit.Checkpoints) audit.Report {
		t.Helper()
		pair, err := audit.Open(t.Context(), audit.Config{
			Source: ams.cluster, Target: fra.cluster, SourceTopic: "orders", TargetTopic: "orders", Whole: true,
			Declaration: audit.Declaration{Checkpoints: checkpoints, Routed: &compare.Routing{Header: "to", Site: "fra", Unrouted: true}},
		})
		if err != nil {
			t.Fatal(err)
		}
		r, err := pair.Partition(t.Context(), 0)
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	topic := events.Topics{Prefix: events.DefaultPrefix}.ReplicationCheckpoints()
	passed := int64(3+4+5) + int64(4+5) + int64(3+5) // By the first declaration, the second and the third.
	if r := open(audit.NewCheckpoints(fra.cluster, topic)); !r.Equal() || r.Same != int64(len(copied)) || r.Passed != passed || r.EqualTo != int64(wrote) {
		t.Errorf("want %d that were passed over, and %d copied: %+v", passed, len(copied), r)
	}
	if r := open(nil); r.Wrong[compare.Missing] != passed {
		t.Errorf("without the checkpoint %d are missing: %+v", passed, r)
	}
	until(t, s, "in/orders/0", "the audit that goes on has seen all", func(st *standing) bool { return st.audited > 0 && st.unaudited == 0 })
	if st := look(s, "in/orders/0"); st.differs > 0 {
		t.Errorf("it has found: %s", st.different)
	}
}
