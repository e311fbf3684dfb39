package replicator

import (
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// A replicator whose group has formed without it for longer than others wait for it runs no
// copy, and does not tell of any as if it did; when it is given its part again it goes on.
func TestAReplicatorWithoutItsGroupTellsOfNoCopies(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 1)
	ams.write("orders", 0, 0, 5)
	s, _ := fra.serve("one")
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	fra.has("orders", 0, values("ams", 5))
	shares(t, s, "in", "it has the copy", func(m *events.ReplicationLinkReported) bool { return m.Copies == 1 })
	s.declared.orphan(time.Now().Add(-grace - time.Second))
	shares(t, s, "in", "it has no copy", func(m *events.ReplicationLinkReported) bool { return m.Copies == 0 })
	if n := byLink(s); n["in"] != 0 {
		t.Errorf("it tells of %v", n)
	}
	ams.write("orders", 0, 5, 5)
	every := make([]int32, events.CheckpointPartitions)
	for i := range every {
		every[i] = int32(i)
	}
	s.declared.assign(every)
	s.poke()
	fra.has("orders", 0, values("ams", 10))
}
