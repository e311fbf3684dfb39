package replicator

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// Copies of a link that is limited wait with pages in their hands, and have all the memory
// that there is for all: another link copies as before.
func TestALimitedLinkLeavesRoom(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	fra.memory = leastMemory
	s, _ := fra.serve("one")
	const partitions = 8 // More than there are pages.
	ams.create("slow", partitions)
	for p := range int32(partitions) {
		ams.write("slow", p, 0, 500)
	}
	fra.links.link(links.Spec{Name: "slow", Source: "ams", Include: []string{"slow"}, RecordsPerSecond: 1})
	for p := range partitions {
		until(t, s, fmt.Sprintf("slow/slow/%d", p), "it waits", func(st *standing) bool { return st.report.State == mirror.Snapshot })
	}
	ams.create("quick", 2)
	for p := range int32(2) {
		ams.write("quick", p, 0, 500)
	}
	fra.links.link(links.Spec{Name: "quick", Source: "ams", Include: []string{"quick"}})
	for p := range int32(2) {
		fra.has("quick", p, values("ams", 500))
	}
}
