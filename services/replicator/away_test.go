package replicator

import (
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// soon bounds how long it may take until a source that does not answer is told of.
const soon = 4 * time.Second

// A source that does not answer is told of within seconds, with its address and with what is
// in the way, and not said to have no topics; it goes on by itself when it answers.
func TestASourceThatDoesNotAnswer(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	dark, err := embedded.Start(embedded.Config{ClusterID: "dark", DataDir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	at := dark.Addr()
	dark.Close()
	mute, err := net.Listen("tcp", "127.0.0.1:0") // It takes connections, and says nothing.
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { mute.Close() })
	for name, addr := range map[string]string{"dark": at, "mute": mute.Addr().String()} {
		c, err := cluster.Open(cluster.Config{Brokers: []string{addr}, Logger: slog.New(slog.DiscardHandler)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		fra.others[name] = c
	}
	s, _ := fra.serve("one")
	fra.links.link(links.Spec{Name: "ams", Source: "ams", Include: []string{"orders"}})
	shares(t, s, "ams", "it is known", func(m *events.ReplicationLinkReported) bool { return m.State == "idle" })
	away := func(link, address, why string, began time.Time) {
		t.Helper()
		shares(t, s, link, "it tells that its source is away", func(m *events.ReplicationLinkReported) bool {
			if m.State == "idle" {
				t.Fatalf("%s is idle", link)
			}
			if time.Since(began) > soon {
				t.Fatalf("it tells %v", m)
			}
			return m.State == "failed" && m.Reason == "source_unreachable" && len(m.Problems) == 1 &&
				strings.Contains(m.Problems[0].Text, address) && strings.Contains(m.Problems[0].Text, why)
		})
		if took := time.Since(began); took > soon {
			t.Errorf("%s is told of after %v", link, took)
		}
	}
	for link, why := range map[string]string{"dark": "refused", "mute": ""} {
		began := time.Now()
		fra.links.link(links.Spec{Name: link, Source: link, Include: []string{"orders"}})
		eventually(t, "its replicator knows the link", func() bool {
			s.status.mu.Lock()
			defer s.status.mu.Unlock()
			return len(s.status.linked) > 1 && s.status.linked[len(s.status.linked)-1].Name == link
		})
		away(link, fra.others[link].Brokers()[0], why, began)
	}
	began := time.Now()
	ams.restart(func() {
		shares(t, s, "ams", "it tells that its source is away", func(m *events.ReplicationLinkReported) bool {
			return m.State == "failed" && m.Reason == "source_unreachable" && strings.Contains(m.Problems[0].Text, ams.broker.Addrs()[0])
		})
		if took := time.Since(began); took > soon {
			t.Errorf("ams is told of after %v", took)
		}
	})
	shares(t, s, "ams", "it goes on", func(m *events.ReplicationLinkReported) bool { return m.State == "idle" && len(m.Problems) == 0 })
}
