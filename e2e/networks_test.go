package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/pkg/networks"
)

// networkWorld is a global manager at ams, and local managers at ams and fra, each in a process
// of its own; engines, which realise at once, are in that of the test.
type networkWorld struct {
	t      *testing.T
	sites  twoSites
	config string
	asks   *networks.Client
	// governs is the site of the global manager that is asked.
	governs string
	// changes were made; some of them twice, when nobody answered.
	changes int
}

func newNetworkWorld(t *testing.T, sites twoSites) *networkWorld {
	t.Helper()
	w := &networkWorld{t: t, sites: sites, config: filepath.Join(t.TempDir(), "config.yaml")}
	text := fmt.Sprintf("clusters: {ams: {brokers: [%q]}, fra: {brokers: [%q]}}\ncontexts: {ams: {cluster: ams, site: ams}, fra: {cluster: fra, site: fra}}\ncurrent-context: ams\n", sites.ams.Addr(), sites.fra.Addr())
	if err := os.WriteFile(w.config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	for site, b := range map[string]broker{"ams": sites.ams, "fra": sites.fra} {
		s := systemOf(t, b, events.DefaultPrefix)
		s.scheduler("--http", "")
		s.engine(engine.Config{ID: "edge-" + site, Site: site, Labels: map[string]any{"role": "edge"}, Logger: slog.New(slog.DiscardHandler)}, "network.realise",
			func(context.Context, *engine.Task) ([]byte, error) { return nil, nil })
	}
	w.goTo("ams", sites.ams)
	return w
}

// goTo has changes go to the global manager of a site from now on.
func (w *networkWorld) goTo(site string, b broker) {
	w.t.Helper()
	var err error
	w.governs = site
	if w.asks, err = networks.New(networks.Config{Cluster: openCluster(w.t, b.Addr()), Timeout: 5 * time.Second}); err != nil {
		w.t.Fatal(err)
	}
}

// manager starts one, of a role at a site.
func (w *networkWorld) manager(role, site, instance string, flags ...string) *process {
	w.t.Helper()
	args := []string{"serve", "manager", "--role", role, "--site", site, "--config", w.config, "--instance", instance, "--http", ""}
	if role == "global" {
		args = append(args, "--patience", "1s")
	}
	args = append(args, flags...)
	return start(w.t, "manager "+instance, exec.Command(binary, args...))
}

// asked asks until it is answered: what was decided and not answered is asked anew.
func (w *networkWorld) asked(what string, ask func(ctx context.Context) error) {
	w.t.Helper()
	eventually(w.t, patience, what, func(ctx context.Context) bool {
		err := ask(ctx)
		if refused := (*networks.Refused)(nil); errors.As(err, &refused) {
			w.t.Fatalf("%s: %v", what, err)
		}
		return err == nil
	})
}

// change gives a segment of its number, and the network, a new revision.
func (w *networkWorld) change(span ...string) {
	w.t.Helper()
	w.changes++
	m := &events.NetworkChangeRequested{Objects: []*events.NetworkObject{
		{Path: "/networks/shop", Span: &events.NetworkSpan{Sites: span}, Spec: &events.NetworkObject_Network{Network: &events.Network{}}},
		{Path: fmt.Sprint("/networks/shop/segments/s", w.changes%20), Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: "10.1.0.0/24", Vlan: uint32(1 + w.changes)}}},
	}}
	w.asked(fmt.Sprint("change ", w.changes), func(ctx context.Context) error {
		_, err := w.asks.Apply(ctx, m)
		return err
	})
}

// stands waits until a site stands as is wanted.
func (w *networkWorld) stands(site string, b broker, what string, ok func(core *query.SiteCore) bool) {
	w.t.Helper()
	c, err := cluster.Open(cluster.Config{Brokers: []string{b.Addr()}, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	defer c.Close()
	log := query.New(query.Config{Logs: c, Prefix: events.DefaultPrefix}).SiteLog(site)
	var last *query.SiteStands
	w.t.Cleanup(func() {
		if w.t.Failed() && last != nil {
			w.t.Logf("%s: %v\n%+v", site, last.Core.Report(), last.Core.Statuses())
		}
	})
	eventually(w.t, patience, site+" "+what, func(ctx context.Context) bool {
		now, err := log.Read(ctx)
		if err == nil {
			last = now
		}
		return err == nil && ok(now.Core)
	})
}

// realised tells whether a site has that many objects, all of them realised.
func realised(objects int) func(core *query.SiteCore) bool {
	return func(core *query.SiteCore) bool {
		all := core.Statuses()
		for _, s := range all {
			if s.Standing != query.AtSiteRealised || s.Wanted == nil {
				return false
			}
		}
		return len(all) == objects
	}
}

// verified has both sites judged by verify, which must find nothing, and says how many entries
// each has applied.
func (w *networkWorld) verified() map[string]int64 {
	w.t.Helper()
	out, err := commandLine(w.t.Context(), binary, "verify", "--config", w.config, "--context", w.governs, "-o", "json").Output()
	var v struct {
		Findings []json.RawMessage `json:"findings"`
		Logs     []struct {
			Site *struct {
				Site           string
				Compared       bool
				Entries        int64
				Sequence, Last uint64
			} `json:"site"`
		} `json:"logs"`
	}
	if failed := json.Unmarshal(out, &v); err != nil || failed != nil {
		w.t.Fatalf("verify: %v, %v\n%s", err, failed, out)
	}
	applied := map[string]int64{}
	for _, l := range v.Logs {
		if l.Site != nil && l.Site.Compared && l.Site.Sequence == l.Site.Last {
			applied[l.Site.Site] = l.Site.Entries
		}
	}
	return applied
}

// Managers and a site's broker are killed, and a manager is stopped and continued, while changes
// are made. In the end each site has what it must have, by what it applied in order, each entry
// once; and a site that was away while its span shrank is clean.
func TestManagersAreKilled(t *testing.T) {
	repeatReasons(t)
	w := newNetworkWorld(t, twoOnKfake(t))
	global := []*process{w.manager("global", "ams", "g0"), w.manager("global", "ams", "g1")}
	ams := w.manager("local", "ams", "ams0")
	fra := w.manager("local", "fra", "fra0")
	for _, site := range []string{"ams", "fra"} {
		w.asked("add "+site, func(ctx context.Context) error { return w.asks.AddSite(ctx, network.Site{Name: site}) })
	}
	some := func() {
		for range 8 {
			w.change("ams", "fra")
		}
	}
	some()
	for round := range 2 {
		kill(global[round]) // It may be the one that works; the other goes on.
		some()
		global[round] = w.manager("global", "ams", fmt.Sprint("g", 2+round))
		kill(fra)
		some()
		fra = w.manager("local", "fra", fmt.Sprint("fra", 1+round))
		kill(ams)
		w.sites.fra.Kill()
		some()
		ams = w.manager("local", "ams", fmt.Sprint("ams", 1+round))
		w.sites.fra.Start()
		stop(global[1-round]) // A zombie, if it works.
		some()
		cont(global[1-round])
		some()
	}
	for site, b := range map[string]broker{"ams": w.sites.ams, "fra": w.sites.fra} {
		w.stands(site, b, "has all of it", realised(21))
	}
	eventually(t, patience, "both sites are compared to their last entries", func(context.Context) bool { return len(w.verified()) == 2 })

	w.sites.fra.Kill()
	some()
	for range 3 {
		w.change("ams")
	}
	w.sites.fra.Start()
	w.stands("fra", w.sites.fra, "is clean", func(core *query.SiteCore) bool { return len(core.Statuses()) == 0 })
	w.stands("ams", w.sites.ams, "has all of it", realised(21))
	eventually(t, patience, "both sites are compared again", func(context.Context) bool { return len(w.verified()) == 2 })
	if out := command(t, 0, "network", "show", "/networks/shop", "--config", w.config); !strings.Contains(out, "realised") {
		t.Errorf("show says\n%s", out)
	}
}
