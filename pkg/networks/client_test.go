package networks_test

import (
	"context"
	"errors"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
	"github.com/spanway/spanway/pkg/networks"
	"github.com/spanway/spanway/services/manager"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = slog.New(slog.DiscardHandler)

// connect connects to a broker of the test, which has the topics of networks.
func connect(t *testing.T) *cluster.Cluster {
	t.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	if _, err := c.Ensure(t.Context(), events.Specs(events.Topics{Prefix: events.DefaultPrefix}.NetworkLogs())); err != nil {
		t.Fatal(err)
	}
	return c
}

func newClient(t *testing.T, cfg networks.Config) *networks.Client {
	t.Helper()
	c, err := networks.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// manage runs a global manager until the test ends.
func manage(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	g, err := manager.NewGlobal(manager.DefaultGlobalConfig(), manager.GlobalDeps{Deps: manager.Deps{Cluster: c, Logger: quiet}})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- g.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the manager ended with: %v", err)
		}
	})
}

// Each command is answered by what was decided of it: a change has its number, a refusal all
// mistakes with their places.
func TestCommandsAreAnswered(t *testing.T) {
	at := connect(t)
	manage(t, at)
	for _, json := range []bool{false, true} {
		c := newClient(t, networks.Config{Cluster: at, JSON: json, Timeout: 2 * time.Minute})
		if err := c.AddSite(t.Context(), network.Site{Name: "ams", Labels: map[string]string{"region": "eu"}}); err != nil {
			t.Fatal(err)
		}
		shop := &events.NetworkObject{
			Path: "/networks/shop", Span: &events.NetworkSpan{Sites: []string{"ams"}}, Spec: &events.NetworkObject_Network{Network: &events.Network{}},
		}
		done, err := c.Apply(t.Context(), &events.NetworkChangeRequested{Objects: []*events.NetworkObject{shop}})
		if err != nil || len(done.Objects) != 1 {
			t.Fatalf("%v, %v", done, err)
		}
		web := &events.NetworkObject{Path: "/networks/shop/segments/web", Spec: &events.NetworkObject_Segment{Segment: &events.NetworkSegment{Cidr: "x", Vlan: 5000}}}
		_, err = c.Apply(t.Context(), &events.NetworkChangeRequested{Objects: []*events.NetworkObject{web}})
		var refused *networks.Refused
		if !errors.As(err, &refused) || len(refused.Mistakes) != 2 || refused.Mistakes[1].Pointer != "/objects/0/segment/vlan" || !networks.IsRefused(err, events.CodeBadData) {
			t.Errorf("%v; want two mistakes", err)
		}
		if _, err := c.Withdraw(t.Context(), 99, ""); !networks.IsRefused(err, events.CodeUnknownChange) {
			t.Errorf("withdraw of no change: %v", err)
		}
		if back, err := c.Withdraw(t.Context(), done.Change, "a mistake"); err != nil || back.Withdraws != done.Change {
			t.Errorf("withdraw: %v, %v", back, err)
		}
		if ordered, err := c.Resync(t.Context(), "ams", ""); err != nil || ordered.Sync < 2 {
			t.Errorf("resync: %v, %v", ordered, err)
		}
		if _, err := c.AbortResync(t.Context(), "ams", ""); !networks.IsRefused(err, events.CodeNoSync) { // It is that of a new site.
			t.Errorf("abort: %v", err)
		}
		if _, err := c.RetireSite(t.Context(), "ams", false); err != nil {
			t.Errorf("retire: %v", err)
		}
	}
}

// Where no manager runs, who asks is told so, and under which ID.
func TestNobodyAnswers(t *testing.T) {
	at := connect(t)
	err := newClient(t, networks.Config{Cluster: at, Timeout: 300 * time.Millisecond}).AddSite(t.Context(), network.Site{Name: "ams"})
	var unanswered *networks.Unanswered
	if !errors.As(err, &unanswered) || unanswered.RequestID == "" || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v; want *networks.Unanswered", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := newClient(t, networks.Config{Cluster: at}).AddSite(ctx, network.Site{Name: "ams"}); !errors.Is(err, context.Canceled) {
		t.Errorf("of a context that has ended: %v", err)
	}
}

func TestConfigSaysWhatIsWrong(t *testing.T) {
	for _, cfg := range []networks.Config{{}, {Cluster: &cluster.Cluster{}, Timeout: -1}, {Cluster: &cluster.Cluster{}, Prefix: "a b"}} {
		if _, err := networks.New(cfg); err == nil {
			t.Errorf("%+v is taken", cfg.Timeout)
		}
	}
}
