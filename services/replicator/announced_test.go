package replicator

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/selection"
	"github.com/spanway/spanway/services/replicator/sitetest"
)

// A record that announces nothing is logged once, and is a problem of the link that chooses
// its key.
func TestAnAnnouncementThatCannotBeRead(t *testing.T) {
	fra := places(t, "ams", "fra")["fra"]
	var told logbook
	fra.log = slog.New(slog.NewTextHandler(&told, nil))
	bad := []replication.BadAnnouncement{{Offset: 7, Key: "shop", Why: errors.New("it is no JSON")}}
	fra.links.declare(func(d *declarations) { d.bad = replication.Announced{Bad: bad, BadSince: bad} })
	s, _ := fra.serve("one")
	fra.links.link(links.Spec{Name: "in", Source: "ams", Applications: []string{"shop"}})
	shares(t, s, "in", "it tells of the record", func(m *events.ReplicationLinkReported) bool {
		return m.State == "idle" && len(m.Problems) == 1 && m.Problems[0].Code == "bad_announcement" &&
			strings.Contains(m.Problems[0].Text, "spanway.replication.applications/0@7 of ams") && strings.Contains(m.Problems[0].Text, "it is no JSON") &&
			strings.Contains(m.Problems[0].Text, `"spanway link withdraw shop" at the source`)
	})
	fra.links.declare(func(d *declarations) { d.bad.Bad = nil }) // It comes once more.
	shares(t, s, "in", "the application was announced since", func(m *events.ReplicationLinkReported) bool { return len(m.Problems) == 0 })
	if n := strings.Count(told.String(), "spanway.replication.applications/0@7"); n != 1 {
		t.Errorf("it is logged %d times:\n%s", n, told.String())
	}
}

// An application that withdraws ends its copy while that runs: what was copied stays, and nothing
// comes behind it. Announced again, it goes on from there, with no record lost or twice.
func TestAnApplicationWithdraws(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	announce := func(names ...string) {
		fra.links.declare(func(d *declarations) {
			d.applications = nil
			for _, name := range names {
				d.applications = append(d.applications, selection.Application{Name: name, Topics: []string{name}})
			}
		})
	}
	s, _ := fra.serve("one")
	ams.create("shop", 1)
	ams.create("stock", 1)
	fra.links.link(links.Spec{Name: "in", Source: "ams", Applications: []string{"shop", "stock"}})
	announce("shop")
	ams.write("shop", 0, 0, 100)
	fra.has("shop", 0, values("ams", 100))
	ams.write("shop", 0, 100, 2000)
	announce()
	eventually(t, "the copy ends", func() bool { return look(s, "in/shop/0") == nil })
	kept, seen := -1, func() int { return len(sitetest.Values(t, fra.cluster, "shop", 0, 100)) }
	eventually(t, "nothing is copied any more", func() bool {
		before := kept
		kept = seen()
		return kept == before
	})
	ams.write("shop", 0, 2100, 10)
	announce("stock")
	ams.write("stock", 0, 0, 10)
	fra.has("stock", 0, values("ams", 10)) // So long, others are copied.
	if n := seen(); n > 2100 {
		t.Errorf("%d records are copied, of which 2100 were there before it withdrew", n)
	}
	announce("shop", "stock")
	fra.has("shop", 0, values("ams", 2110))
	fra.holds("shop", 0, 2110)
}
