package manager_test

import (
	"testing"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/delivery"
	global "github.com/spanway/spanway/services/manager/network"
)

// governs runs a global manager that delivers to a site on another cluster.
func (p *place) governs(at *place) (stop func()) {
	p.t.Helper()
	c := p.connect()
	service := &delivery.Service{Cluster: c, Topics: topics, Source: "/test", Logger: quiet, Connect: func(string) (*cluster.Cluster, error) {
		return cluster.Open(cluster.Config{Brokers: at.brokers, Logger: quiet})
	}}
	tenure := &delivery.Tenure{Deliver: service.Run, Board: c.Kafka().Board()}
	p.t.Cleanup(tenure.Close)
	return p.global(tenure, nil)
}

// What is asked of a global manager is realised at the site, on another cluster, and the global
// manager knows; another one goes on where it ended.
func TestChangesAreDelivered(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	here, there := newPlace(t, b.Addrs()), newSite(t)
	there.realise(nil)
	there.local(nil)
	stop := here.governs(there)
	here.send(topics.NetworkRequests(), &events.NetworkSiteRequested{Site: "ams"},
		&events.NetworkChangeRequested{Objects: []*events.NetworkObject{at(network(), "ams"), segment(web, "10.1.0.0/24")}})
	s, changes := there.status(), here.changes()
	s.realised(shop, web)
	stop()
	here.send(topics.NetworkRequests(), &events.NetworkChangeRequested{Objects: []*events.NetworkObject{segment(db, "10.2.0.0/24")}, Deletes: []string{web}})
	here.governs(there)
	s.realised(shop, db)
	changes.until("the global manager knows", func(c *global.Core) bool {
		of, ok := c.ChangeStatus(2)
		return ok && of["ams"] == global.Applied
	})
}
