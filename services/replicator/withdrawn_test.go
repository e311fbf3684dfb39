package replicator

import (
	"context"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/services/replicator/sitetest"
)

// An application withdraws while records flow into its topic, and announces itself again while
// they still do: the copy stops and stays as it is, and goes on with no record lost or twice.
func TestAnApplicationWithdrawsInFullFlow(t *testing.T) {
	withdrawsInFullFlow(t, places(t, "ams", "fra"))
}

// The link and the applications are real records of both clusters.
func withdrawsInFullFlow(t *testing.T, all map[string]*place) {
	ams, fra, ctx := all["ams"], all["fra"], t.Context()
	ams.create("shop", 1)
	ams.create("stock", 1)
	told := replication.Options{Create: true, Logger: slog.New(slog.DiscardHandler)}
	announce := func(name string) {
		t.Helper()
		if err := replication.Announce(ctx, ams.cluster, told, replication.Application{Name: name, Topics: []string{name}}); err != nil {
			t.Fatal(err)
		}
	}
	announce("shop")
	site, err := replication.Open(ctx, fra.cluster, told)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = site.Close() }()
	if _, err := site.Apply(ctx, replication.Spec{Name: "apps", Source: "ams", Applications: []string{"shop", "stock"}}, replication.Any); err != nil {
		t.Fatal(err)
	}
	cfg := DefaultConfig()
	cfg.Site, cfg.Instance, cfg.Follow = "fra", "one", 200*time.Millisecond
	s, err := New(cfg, Deps{Cluster: fra.cluster, Sources: fra.others, Logger: told.Logger})
	if err != nil {
		t.Fatal(err)
	}
	defer sitetest.Run(t, "fra", s)()

	writing, enough := context.WithCancel(ctx)
	defer enough()
	ended := make(chan error, 1)
	go func() { ended <- ams.flow(writing, "shop", 0) }()
	fra.further("shop", 0)
	if err := replication.Withdraw(ctx, ams.cluster, told, "shop"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the copy ends", func() bool { return look(s, "apps/shop/0") == nil })
	kept := fra.count("shop", 0)
	ams.further("shop", 0)
	announce("stock")
	ams.write("stock", 0, 0, 10)
	fra.has("stock", 0, values("ams", 10)) // So long, others are copied.
	if n := fra.count("shop", 0); n != kept || kept < 10 {
		t.Errorf("%d records are copied; there were %d when its copy had ended", n, kept)
	}
	announce("shop")
	fra.further("shop", 0)
	enough()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	source := sitetest.Values(t, ams.cluster, "shop", 0, kept)
	if target := sitetest.Values(t, fra.cluster, "shop", 0, len(source)); !slices.Equal(source, target) {
		t.Errorf("%d records are copied, which are not the %d of the source", len(target), len(source))
	}
	t.Logf("%d of %d records were copied when it withdrew", kept, len(source))
}
