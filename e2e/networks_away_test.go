package e2e_test

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// burst makes so many changes of 50 segments, and returns when all are decided.
func (w *networkWorld) burst(n int) {
	w.t.Helper()
	topics := events.Topics{Prefix: events.DefaultPrefix}
	requests := openCluster(w.t, w.sites.ams.Addr()).Partition(topics.NetworkRequests(), 0)
	encoder := events.Encoder{Source: "/spanway/e2e"}
	for all := range slices.Chunk(slices.Collect(count(n-1)), 500) {
		var batch []events.Record
		for _, i := range all {
			r, err := encoder.Encode(fmt.Sprintf("burst-%d-%d", w.changes, i), &events.NetworkChangeRequested{Objects: []*events.NetworkObject{{
				Path: fmt.Sprint("/networks/shop/segments/s", i%50),
				Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: "10.1.0.0/24", Vlan: uint32(1 + i%4000)}},
			}}})
			if err != nil {
				w.t.Fatal(err)
			}
			batch = append(batch, r)
		}
		if _, err := requests.Append(w.t.Context(), batch); err != nil {
			w.t.Fatal(err)
		}
	}
	w.change("ams", "fra") // It is answered behind them.
}

// count gives the numbers below n.
func count(n int) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i := range n {
			if !yield(i) {
				return
			}
		}
	}
}

// syncs are the reasons of the full syncs of a site that the global manager has ordered.
func (w *networkWorld) syncs(site string) (reasons []string) {
	w.t.Helper()
	c := openCluster(w.t, w.sites.ams.Addr())
	_, err := query.New(query.Config{Logs: c, Prefix: events.DefaultPrefix}).NetworkHistory(w.t.Context(), func(l events.Logged) {
		if m, ok := l.Message.(*events.NetworkSyncOrdered); ok && m.Site == site {
			reasons = append(reasons, m.Reason)
		}
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return reasons
}

// siteLog is what counts of the log of a site's local manager.
func siteLog(t *testing.T, c *cluster.Cluster) (all []proto.Message) {
	t.Helper()
	topic := events.Topics{Prefix: events.DefaultPrefix}.NetworkStatus()
	r := eventlog.NewReader(c.Partition(topic, 0), topic, 0)
	if err := r.Barrier(t.Context(), func(l events.Logged, _ *events.Record) { all = append(all, l.Message) }); err != nil {
		t.Fatal(err)
	}
	return all
}

// A site's broker is away for as many changes as are kept for it: it gets each of them in order. It
// is away for more: it gets a full sync, for that reason. The other site has all of it meanwhile.
func TestASiteIsAwayForTenThousandChanges(t *testing.T) {
	t.Parallel()
	repeatReasons(t)
	w := newNetworkWorld(t, twoOnKfake(t))
	w.manager("global", "ams", "g0")
	w.manager("local", "ams", "ams0")
	w.manager("local", "fra", "fra0")
	for _, site := range []string{"ams", "fra"} {
		w.asked("add "+site, func(ctx context.Context) error { return w.asks.AddSite(ctx, network.Site{Name: site}) })
	}
	w.change("ams", "fra")
	w.burst(51)
	w.stands("fra", w.sites.fra, "has all of it", realised(51))

	for _, away := range []struct {
		changes int
		syncs   []string
	}{{9_980, []string{"NEW_SITE"}}, {10_100, []string{"NEW_SITE", "OVERFLOW"}}} {
		w.sites.fra.Kill()
		w.burst(away.changes)
		w.stands("ams", w.sites.ams, "has all of it while fra is away", realised(51))
		w.sites.fra.Start()
		eventually(t, patience, "both sites are compared to their last entries", func(context.Context) bool { return len(w.verified()) == 2 })
		w.stands("fra", w.sites.fra, "has all of it", realised(51))
		if got := w.syncs("fra"); !slices.Equal(got, away.syncs) {
			t.Errorf("behind %d changes fra had full syncs for %q, want %q", away.changes, got, away.syncs)
		}
	}
}

// groups makes groups from one number up to another at fra, of about 9 KiB each: a full sync has
// several parts.
func (w *networkWorld) groups(from, to int) {
	w.t.Helper()
	m := &events.NetworkChangeRequested{}
	for i := from; i < to; i++ {
		g := &events.NetworkGroup{}
		for n := range 700 {
			g.Addresses = append(g.Addresses, fmt.Sprintf("10.%d.%d.%d", i, n/256, n%256))
		}
		m.Objects = append(m.Objects, &events.NetworkObject{
			Path: fmt.Sprint("/networks/shop/groups/g", i), Span: &events.NetworkSpan{Sites: []string{"fra"}}, Spec: &events.NetworkObject_Group{Group: g},
		})
	}
	w.asked(fmt.Sprintf("groups %d to %d", from, to), func(ctx context.Context) error {
		_, err := w.asks.Apply(ctx, m)
		return err
	})
}

// Both managers are killed in the middle of a full sync, while changes are made: another attempt
// begins it anew, and brings all of it.
func TestAFullSyncIsCutOff(t *testing.T) {
	t.Parallel()
	repeatReasons(t)
	w := newNetworkWorld(t, twoOnKfake(t))
	slow := w.manager("global", "ams", "slow", "--rate", "1")
	w.manager("local", "ams", "ams0")
	fra := w.manager("local", "fra", "fra0")
	for _, site := range []string{"ams", "fra"} {
		w.asked("add "+site, func(ctx context.Context) error { return w.asks.AddSite(ctx, network.Site{Name: site}) })
	}
	w.change("ams")
	const groups = 60
	for i := 0; i < groups; i += 20 {
		w.groups(i, i+20)
	}
	w.asked("full sync of fra", func(ctx context.Context) error {
		_, err := w.asks.Resync(ctx, "fra", "a test")
		return err
	})
	var cut string
	w.stands("fra", w.sites.fra, "collects a full sync of which some is there", func(core *query.SiteCore) bool {
		begin, n := core.Syncing()
		if begin != nil && n > 0 {
			cut = begin.SyncId
		}
		return cut != ""
	})
	kill(fra)
	kill(slow)
	w.manager("local", "fra", "fra1")
	w.manager("global", "ams", "g1")
	for range 20 {
		w.change("ams", "fra")
	}
	w.stands("fra", w.sites.fra, "has all of it", realised(21+groups))
	eventually(t, patience, "both sites are compared to their last entries", func(context.Context) bool { return len(w.verified()) == 2 })
	for _, m := range siteLog(t, openCluster(t, w.sites.fra.Addr())) {
		if a, ok := m.(*events.NetworkSyncApplied); ok && a.SyncId == cut {
			t.Errorf("the full sync %s that was cut off is applied", cut)
		}
	}
}

// The site of the global manager is lost with its broker, and what it decided last is not in the
// copy of its log. Another site is promoted, and the sites follow it. The one before returns, and
// decides nothing more.
func TestTheGlobalSiteIsLost(t *testing.T) {
	t.Parallel()
	repeatReasons(t)
	w := newNetworkWorld(t, twoOnKfake(t))
	old := w.manager("global", "ams", "g0")
	ams := w.manager("local", "ams", "ams0")
	w.manager("local", "fra", "fra0")
	at := func(site string, args ...string) []string {
		return append(args, "--config", w.config, "--context", site)
	}
	copier := start(t, "replicator", commandLine(t.Context(), binary, at("fra", "serve", "replicator", "--http", "", "--follow-interval", "200ms")...))
	command(t, 0, at("fra", "link", "apply", "networks", "--source", "ams", "--include", `spanway\.network\.changes.*`, "--topic-prefix", "ams.")...)
	for _, site := range []string{"ams", "fra"} {
		w.asked("add "+site, func(ctx context.Context) error { return w.asks.AddSite(ctx, network.Site{Name: site}) })
	}
	for range 20 {
		w.change("ams", "fra")
	}
	w.stands("ams", w.sites.ams, "has all of it", realised(21))
	eventually(t, patience, "all of it is copied", func(ctx context.Context) bool {
		out, err := commandLine(ctx, binary, at("fra", "network", "list", "--prefix", "ams.spanway.", "-o", "json")...).Output()
		return err == nil && strings.Contains(string(out), `"objects":21`)
	})
	kill(copier)
	for range 5 {
		w.change("ams", "fra")
	}
	w.stands("fra", w.sites.fra, "has what is not in the copy", func(core *query.SiteCore) bool {
		s, ok := core.StatusOf("/networks/shop")
		return ok && s.Wanted != nil && s.Wanted.Revision == 25
	})
	kill(old)
	kill(ams)
	w.sites.ams.Kill()

	start(t, "replicator", commandLine(t.Context(), binary, at("fra", "serve", "replicator", "--http", "", "--follow-interval", "200ms")...))
	w.manager("global", "fra", "g1")
	eventually(t, patience, "fra is promoted", func(ctx context.Context) bool {
		return commandLine(ctx, binary, at("fra", "network", "promote", "--from", "ams.spanway.")...).Run() == nil
	})
	w.goTo("fra", w.sites.fra)
	w.stands("fra", w.sites.fra, "is put back to what the copy has", func(core *query.SiteCore) bool {
		s, ok := core.StatusOf("/networks/shop")
		return ok && s.Wanted != nil && s.Wanted.Revision < 25 && realised(21)(core)
	})
	for range 3 {
		w.change("ams", "fra")
	}

	w.sites.ams.Start()
	w.manager("local", "ams", "ams1")
	w.manager("global", "ams", "g2")
	for site, b := range map[string]broker{"ams": w.sites.ams, "fra": w.sites.fra} {
		w.stands(site, b, "follows fra", func(core *query.SiteCore) bool { return core.Report().Term >= 1_000_000 && realised(21)(core) })
	}
	eventually(t, patience, "the one before is replaced", func(ctx context.Context) bool {
		out, _ := commandLine(ctx, binary, at("ams", "network", "delete", "/networks/shop", "--recursive", "-o", "json")...).Output()
		return strings.Contains(string(out), "REPLACED")
	})
	eventually(t, patience, "both sites are compared to their last entries", func(context.Context) bool { return len(w.verified()) == 2 })
}
