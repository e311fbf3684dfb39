package replicator

import (
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// names are the topics of a site that are not of its own services.
func (p *place) names() (all []string) {
	p.t.Helper()
	info, err := p.cluster.Kafka().Describe(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, topic := range info.Topics {
		if !strings.Contains(topic.Name, "spanway.") && !topic.Internal {
			all = append(all, topic.Name)
		}
	}
	return all
}

// awaits waits until a link is told to await some topics.
func awaits(t *testing.T, s *Service, link string, topics ...string) {
	t.Helper()
	shares(t, s, link, "it awaits "+strings.Join(topics, ", "), func(m *events.ReplicationLinkReported) bool {
		return slices.ContainsFunc(m.Problems, func(p *events.ReplicationProblem) bool {
			return p.Code == "only_copies" && strings.Contains(p.Text, " ("+strings.Join(topics, ", ")+"):")
		}) && m.State != failed
	})
}

// Two links there and back, with prefixes and patterns that match what the other one makes,
// make no topics of topics, whether there are records or not. A record that no cluster has
// copied is found in a copy all the same.
func TestPrefixesThereAndBackMakeNoTopicsOfTopics(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("orders", 2)
	ams.write("orders", 1, 0, 5)
	ams.create("empty", 2)
	fra.create("pay", 1)
	fra.write("pay", 0, 0, 5)
	include := []string{`(.*\.)?(orders|empty|pay)`}
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: include, Prefix: "a."})
	ams.links.link(links.Spec{Name: "back", Source: "fra", Include: include, Prefix: "f."})
	there, _ := fra.serve("fra")
	here, _ := ams.serve("ams")
	fra.has("a.orders", 1, values("ams", 5))
	ams.has("f.pay", 0, values("fra", 5))
	awaits(t, here, "back", "a.empty", "a.orders")
	awaits(t, there, "in", "f.pay")
	if at, of := fra.names(), []string{"a.empty", "a.orders", "pay"}; !slices.Equal(at, of) {
		t.Errorf("fra has %q and not %q", at, of)
	}
	if at, of := ams.names(), []string{"empty", "f.pay", "orders"}; !slices.Equal(at, of) {
		t.Errorf("ams has %q and not %q", at, of)
	}

	fra.write("a.orders", 1, 0, 1) // Of this place.
	ams.has("f.a.orders", 1, values("fra", 1))
	awaits(t, here, "back", "a.empty")
}
