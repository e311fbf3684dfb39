package replicator

import (
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/selection"
)

// A link that chooses nothing, at a source that denies something, has the problem that names
// the right, and its code as the reason; it is counted. One that copies topics has not.
func TestASourceThatDenies(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 1)
	s, _ := fra.serve("one")
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: []string{"orders"}})
	fra.links.link(links.Spec{Name: "weak", Source: "ams", Include: []string{"hidden"}})
	shares(t, s, "weak", "it waits for topics", func(m *events.ReplicationLinkReported) bool { return m.State == "idle" && len(m.Problems) == 0 })
	try := fra.others["ams"].Kafka().Board().New("look for applications")
	defer try.End()
	lacks := &kafka.Denied{Cluster: "ams", Principal: "User:weak", Operation: "Describe", Resource: "topic", Name: "hidden"}
	shares(t, s, "weak", "it names the right", func(m *events.ReplicationLinkReported) bool {
		try.Failed(lacks)
		return m.Reason == string(selection.SourceDenied) && len(m.Problems) == 1 && m.Problems[0].Code == "source_denied" &&
			strings.Contains(m.Problems[0].Text, "User:weak lacks the right Describe on topic hidden: grant it, such as by kafka-acls --add")
	})
	s.status.mu.Lock()
	n, share := blocked(s.status.problems), s.status.shareOf(&links.Link{Spec: links.Spec{Name: "in"}}, time.Now())
	s.status.mu.Unlock()
	if n[[2]string{"weak", "source_denied"}] != 1 || len(n) != 1 || len(share.Problems) > 0 {
		t.Errorf("not copied are %v; the link that copies has %v", n, share.Problems)
	}
	try.Passed()
	shares(t, s, "weak", "it is idle again", func(m *events.ReplicationLinkReported) bool { return m.Reason == "" && len(m.Problems) == 0 })
}
