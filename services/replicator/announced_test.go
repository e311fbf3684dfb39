package replicator

import (
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
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
