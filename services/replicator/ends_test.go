package replicator

import (
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// What waits at a source is known also of copies that do not read it.
func TestLagOfCopiesThatDoNotCopy(t *testing.T) {
	began := time.Now()
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	ams.create("paused", 1)
	ams.create("stopped", 1)
	ams.write("paused", 0, 0, 3)
	ams.write("stopped", 0, 0, 3)
	fra.create("stopped", 1)
	fra.write("stopped", 0, 0, 1) // A copy of it stops.
	s, stop := fra.serve("one")
	fra.links.link(links.Spec{Name: "paused", Source: "ams", Include: []string{"paused"}})
	fra.links.link(links.Spec{Name: "stopped", Source: "ams", Include: []string{"stopped"}})
	fra.has("paused", 0, values("ams", 3))
	until(t, s, "paused/paused/0", "it has all", func(st *standing) bool { return st.report.Next == 3 && st.behind() == 0 })
	fra.links.link(links.Spec{Name: "paused", Source: "ams", Include: []string{"paused"}}, func(l *links.Link) { l.Paused = true })
	until(t, s, "paused/paused/0", "it is paused", func(st *standing) bool { return st.report.Paused })
	lag := func(s *Service, link string, n int64) {
		t.Helper()
		shares(t, s, link, "so many records wait, and how old they are is known", func(m *events.ReplicationLinkReported) bool {
			return m.Lag == n && m.LagMs > 0 && m.LagMs <= time.Since(began).Milliseconds()+1
		})
	}
	lag(s, "stopped", 3)
	ams.write("paused", 0, 3, 4)
	ams.write("stopped", 0, 3, 2)
	lag(s, "paused", 4)
	lag(s, "stopped", 5)
	stop()
	ams.write("paused", 0, 7, 1)
	s, _ = fra.serve("two") // It knows the paused copy from its checkpoint.
	lag(s, "paused", 5)
	lag(s, "stopped", 5)
	fra.links.link(links.Spec{Name: "paused", Source: "ams", Include: []string{"paused"}})
	shares(t, s, "paused", "nothing waits", func(m *events.ReplicationLinkReported) bool { return m.State == "delta" && m.Lag == 0 && m.LagMs == 0 })
}

func TestHowOldIsWhatWaits(t *testing.T) {
	now := time.UnixMilli(1_000_000)
	read := copying.Report{State: mirror.Delta, Generation: 1, Next: 10, SourceEnd: 10, SeenAt: now.Add(-time.Second), LastTimestamp: 1}
	waits := read
	waits.SourceEnd, waits.Oldest = 12, 999_000
	for _, c := range []struct {
		name             string
		st               standing
		lag, lagMs, next int64
	}{
		{"nothing waits, and the last copied record is old", standing{report: read}, 0, 0, 10},
		{"a record waits that was read", standing{report: waits}, 2, 1000, 10},
		{"more was seen since", standing{report: waits, end: 15, endSeen: now}, 5, 1000, 10},
		{"less was seen before", standing{report: waits, end: 11, endSeen: now.Add(-time.Hour)}, 2, 1000, 10},
		{"a record waits that was not read", standing{report: read, end: 11, endSeen: now}, 1, 0, 10},
		{"it was looked at", standing{report: read, end: 11, endSeen: now, front: front{known: true, next: 10, oldest: 998_000}}, 1, 2000, 10},
		{"what was looked at is copied", standing{report: read, end: 11, endSeen: now, front: front{known: true, next: 9, oldest: 998_000}}, 1, 0, 10},
		{"it has not begun, and nothing is known", standing{end: 11, endSeen: now}, 0, 0, 0},
		{"it has not begun", standing{end: 11, endSeen: now, front: front{known: true, next: 4, oldest: 998_000}}, 7, 2000, 4},
	} {
		m := &events.ReplicationLinkReported{}
		c.st.add(m, &ill{}, now)
		if m.Lag != c.lag || m.LagMs != c.lagMs || c.st.next() != c.next {
			t.Errorf("%s: %d records, %d ms, next %d; want %d, %d, %d", c.name, m.Lag, m.LagMs, c.st.next(), c.lag, c.lagMs, c.next)
		}
	}
}
