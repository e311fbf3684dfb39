package replicator

import (
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// names are the topics of a site that have something in their name.
func (p *place) names(something string) (all []string) {
	p.t.Helper()
	info, err := p.cluster.Kafka().Describe(p.t.Context())
	if err != nil {
		p.t.Fatal(err)
	}
	for _, topic := range info.Topics {
		if strings.Contains(topic.Name, something) {
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
	thereAndBack(t, places(t, "ams", "fra"))
}

func thereAndBack(t *testing.T, all map[string]*place) {
	ams, fra := all["ams"], all["fra"]
	ams.create("trip-orders", 2)
	ams.write("trip-orders", 1, 0, 5)
	ams.create("trip-empty", 2)
	fra.create("trip-pay", 1)
	fra.write("trip-pay", 0, 0, 5)
	include := []string{`.*trip-.*`}
	fra.links.link(links.Spec{Name: "in", Source: "ams", Include: include, Prefix: "a."})
	ams.links.link(links.Spec{Name: "back", Source: "fra", Include: include, Prefix: "f."})
	there, stop := fra.serve("fra")
	defer stop()
	here, stop := ams.serve("ams")
	defer stop()
	fra.has("a.trip-orders", 1, values("ams", 5))
	ams.has("f.trip-pay", 0, values("fra", 5))
	awaits(t, here, "back", "a.trip-empty", "a.trip-orders")
	awaits(t, there, "in", "f.trip-pay")
	if at, of := fra.names("trip-"), []string{"a.trip-empty", "a.trip-orders", "trip-pay"}; !slices.Equal(at, of) {
		t.Errorf("fra has %q and not %q", at, of)
	}
	if at, of := ams.names("trip-"), []string{"f.trip-pay", "trip-empty", "trip-orders"}; !slices.Equal(at, of) {
		t.Errorf("ams has %q and not %q", at, of)
	}

	fra.write("a.trip-orders", 1, 0, 1) // Of this place.
	ams.has("f.a.trip-orders", 1, values("fra", 1))
	awaits(t, here, "back", "a.trip-empty")
}
