package replicator

import (
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// A cluster that has two names is known by its ID: a site does not copy from itself, and not
// twice from another one.
func TestOneClusterUnderTwoNames(t *testing.T) { twoNames(t, places(t, "ams", "fra")) }

func twoNames(t *testing.T, all map[string]*place) {
	ams, fra := all["ams"], all["fra"]
	fra.others["mirror"], fra.others["alias"] = fra.alias(), ams.alias()
	fra.create("own", 1)
	fra.write("own", 0, 0, 5)
	ams.create("named", 1)
	ams.write("named", 0, 0, 5)
	s, stop := fra.serve("one")
	defer stop()
	failed := func(link, code string, says ...string) {
		t.Helper()
		shares(t, s, link, "it tells of "+code, func(m *events.ReplicationLinkReported) bool {
			if m.State != "failed" || m.Reason != code || len(m.Problems) != 1 || m.Problems[0].Code != code {
				return false
			}
			for _, words := range says {
				if !strings.Contains(m.Problems[0].Text, words) {
					return false
				}
			}
			return true
		})
	}
	fra.links.link(links.Spec{Name: "itself", Source: "mirror", Include: []string{"own"}})
	failed("itself", "same_cluster", `the source "mirror" is the cluster of the site itself, `, "; name another source")
	fra.links.link(links.Spec{Name: "itself", Source: "ams", Include: []string{"named"}}) // So says the remedy.
	fra.has("named", 0, values("ams", 5))
	shares(t, s, "itself", "it has no problem", func(m *events.ReplicationLinkReported) bool { return m.State == "delta" && len(m.Problems) == 0 })
	fra.links.link(links.Spec{Name: "again", Source: "alias", Include: []string{"named"}})
	failed("again", "two_links", "the link itself copies the same topic into named")
	ams.write("named", 0, 5, 5)
	fra.has("named", 0, values("ams", 10))
	fra.holds("named", 0, 10)
	fra.holds("own", 0, 5)
}

// alias reaches the site's cluster by a name of its host in place of its address.
func (p *place) alias() *cluster.Cluster {
	p.t.Helper()
	_, port, err := net.SplitHostPort(p.broker.Addrs()[0])
	if err != nil {
		p.t.Fatal(err)
	}
	c, err := cluster.Open(cluster.Config{Brokers: []string{"localhost:" + port}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(c.Close)
	return c
}
