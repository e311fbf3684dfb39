package link

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// A link stands as the worst of its replicators says; what is old says nothing.
func TestViewLink(t *testing.T) {
	const now = 1_000_000
	share := func(replicator, state string, change func(*events.ReplicationLinkReported)) *events.ReplicationLinkReported {
		m := &events.ReplicationLinkReported{Link: "orders", Replicator: replicator, State: state, Copies: 2, ConsistentSinceMs: now - 100, AtMs: now - 1000}
		if change != nil {
			change(m)
		}
		return m
	}
	link := replication.Link{Spec: replication.Spec{Name: "orders"}}
	paused := link
	paused.Paused, paused.Reason = true, "upgrade"
	for name, c := range map[string]struct {
		link   replication.Link
		shares []*events.ReplicationLinkReported
		want   string // progress, reason, part of the remedy
	}{
		"no replicator": {link, nil, "unattended||has reported of it yet"},
		"one":           {link, []*events.ReplicationLinkReported{share("a", "delta", nil)}, "delta||"},
		"of another link": {link, []*events.ReplicationLinkReported{share("a", "delta", func(m *events.ReplicationLinkReported) { m.Link = "other" })},
			"unattended||spanway serve replicator"},
		"one that is silent": {link, []*events.ReplicationLinkReported{share("a", "delta", func(m *events.ReplicationLinkReported) { m.AtMs = now - 6000 })},
			"unattended||has reported of it for 6.0s: run one (spanway serve replicator)"},
		"the worst of two": {link, []*events.ReplicationLinkReported{
			share("a", "stopped", func(m *events.ReplicationLinkReported) { m.Reason = "overtaken" }), share("b", "delta", nil),
		}, "stopped|overtaken|spanway link resume orders --topic TOPIC --from earliest"},
		"a snapshot": {link, []*events.ReplicationLinkReported{
			share("a", "snapshot", func(m *events.ReplicationLinkReported) { m.Snapshots = 1 }), share("b", "delta", nil),
		}, "snapshot (3 of 4)||"},
		"paused without one": {paused, nil, "paused|upgrade|spanway link resume orders"},
		"paused":             {paused, []*events.ReplicationLinkReported{share("a", "paused", nil)}, "paused|upgrade|spanway link resume orders"},
	} {
		v := viewLink(c.link, &replication.Status{Shares: c.shares}, now)
		want := strings.SplitN(c.want, "|", 3)
		if v.progress() != want[0] || v.Reason != want[1] || !strings.Contains(v.Remedy, want[2]) || want[2] == "" && v.Remedy != "" {
			t.Errorf("%s: %q, %q, %q; want %q", name, v.progress(), v.Reason, v.Remedy, want)
		}
	}
	v := viewLink(link, &replication.Status{Shares: []*events.ReplicationLinkReported{
		share("a", "delta", func(m *events.ReplicationLinkReported) { m.Lag, m.LagMs = 3, 1500 }),
		share("b", "delta", func(m *events.ReplicationLinkReported) { m.Lag, m.LagMs, m.ConsistentSinceMs = 4, 200, 0 }),
	}}, now)
	if v.lag() != "7 (1.5s)" || v.ConsistentSince != "" || *v.HeartbeatMs != 1000 || v.Copies != 4 {
		t.Errorf("two shares: %+v", v)
	}
}
