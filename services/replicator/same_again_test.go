package replicator

import (
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// A topic that is created again with the same records, at the same offsets, is found out
// although nothing is written to it any more.
func TestATopicThatIsCreatedAgainWithTheSameRecords(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 1)
	ams.write("orders", 0, 0, 5)
	s, _ := fra.serve("one")
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	fra.has("orders", 0, values("ams", 5))
	until(t, s, "in/orders/0", "all is copied", func(st *standing) bool { return st.report.State == mirror.Delta })
	if err := ams.cluster.Kafka().DeleteTopics(t.Context(), []string{"orders"}); err != nil {
		t.Fatal(err)
	}
	ams.create("orders", 1)
	ams.write("orders", 0, 0, 5)
	began := time.Now()
	until(t, s, "in/orders/0", "it has stopped", func(st *standing) bool {
		return st.report.State == mirror.Stopped && st.report.Reason == mirror.SourceChanged
	})
	t.Logf("it took %v", time.Since(began))
	fra.holds("orders", 0, 5)
}
