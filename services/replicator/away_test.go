package replicator

import (
	"context"
	"encoding/binary"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// A source that does not answer is told of, with its address and with what is
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
	away := func(link, address, why string) {
		t.Helper()
		shares(t, s, link, "it tells that its source is away", func(m *events.ReplicationLinkReported) bool {
			if m.State == "idle" {
				t.Fatalf("%s is idle", link)
			}
			return m.State == "failed" && m.Reason == "source_unreachable" && len(m.Problems) == 1 &&
				strings.Contains(m.Problems[0].Text, address) && strings.Contains(m.Problems[0].Text, why)
		})
	}
	for link, why := range map[string]string{"dark": "refused", "mute": ""} {
		fra.links.link(links.Spec{Name: link, Source: link, Include: []string{"orders"}})
		eventually(t, "its replicator knows the link", func() bool {
			s.status.mu.Lock()
			defer s.status.mu.Unlock()
			return len(s.status.linked) > 1 && s.status.linked[len(s.status.linked)-1].Name == link
		})
		away(link, fra.others[link].Brokers()[0], why)
	}
	ams.restart(func() {
		shares(t, s, "ams", "it tells that its source is away", func(m *events.ReplicationLinkReported) bool {
			return m.State == "failed" && m.Reason == "source_unreachable" && strings.Contains(m.Problems[0].Text, ams.broker.Addrs()[0])
		})
	})
	shares(t, s, "ams", "it goes on", func(m *events.ReplicationLinkReported) bool { return m.State == "idle" && len(m.Problems) == 0 })
}

// tardy keeps requests for settings back.
type tardy struct {
	net.Conn
	kept *atomic.Int32
}

func (c tardy) Write(b []byte) (int, error) {
	const describeConfigs = 32
	if len(b) > 6 && binary.BigEndian.Uint16(b[4:]) == describeConfigs {
		c.kept.Add(1)
		<-time.After(silence + silence/3) // It is slow, which is what is tested.
	}
	return c.Conn.Write(b)
}

// A source that is slow to tell the settings of its topics is not away.
func TestASourceWhoseSettingsAreSlow(t *testing.T) {
	ams := places(t, "ams")["ams"]
	ams.create("orders", 1)
	var kept atomic.Int32
	slow := ams.broker.Connect(func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return tardy{conn, &kept}, err
	})
	cfg := DefaultConfig()
	v := newView("ams", slow, &cfg, func() {})
	v.want([]string{"orders"})
	eventually(t, "it was looked at", func() bool { return v.look(t.Context()) == nil }) // There is time for one answer, on a slow machine for less.
	if kept.Load() == 0 {
		t.Fatal("no request was kept back")
	}
	if _, topics := v.known(); v.away() || len(topics) != 1 || topics[0].Settings == nil {
		t.Errorf("it is away: %v; its topics are %v", v.trouble, topics)
	}
}
