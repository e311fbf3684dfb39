package bench_test

import (
	"log/slog"
	"strings"
	"testing"

	"github.com/spanway/spanway/internal/bench"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// Each figure is of what it says, and nothing is left of the measurement.
func TestNetworksAreMeasured(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	done := 0
	cfg := bench.NetworkConfig{
		Cluster: c, Prefix: events.DefaultPrefix, Name: "bench-x", Sites: []int{1, 3}, Changes: 30, Singles: 5, Objects: 200,
		Logger: slog.New(slog.DiscardHandler), Progress: func(n int) { done += n },
	}
	r, err := bench.RunNetwork(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Sites) != 2 || done != cfg.Work() {
		t.Fatalf("measured is %+v, after %d of %d changes", r, done, cfg.Work())
	}
	for i, n := range cfg.Sites {
		s := r.Sites[i]
		up := s.Up
		if s.Sites != n || s.AcceptedPerSecond <= 0 || s.DeliveredPerSecond <= 0 || s.DeliveredPerSecond > s.AcceptedPerSecond ||
			up.ReceivedP50 <= 0 || up.ReceivedP50 > up.RealisedP50 || up.RealisedP50 > up.RealisedP99 || (s.Down == nil) != (n == 1) {
			t.Errorf("with %d sites: %+v", n, s)
		}
	}
	if s := r.Sync; s == nil || s.Objects != 200 || s.Seconds <= 0 {
		t.Errorf("the full sync: %+v", s)
	}
	fresh, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler)}) // It has not heard of topics.
	if err != nil {
		t.Fatal(err)
	}
	defer fresh.Close()
	topics, err := fresh.Kafka().Topics(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics {
		if strings.Contains(topic.Name, "bench-x") {
			t.Errorf("%s is left", topic.Name)
		}
	}
}

func TestWhatCannotBeMeasuredOfNetworksIsRefused(t *testing.T) {
	fine := bench.NetworkConfig{Sites: []int{1}, Changes: 1, Singles: 1}
	if err := fine.Validate(); err != nil {
		t.Fatal(err)
	}
	for want, change := range map[string]func(*bench.NetworkConfig){
		"changes":  func(c *bench.NetworkConfig) { c.Changes = 10_000 },
		"singles":  func(c *bench.NetworkConfig) { c.Singles = 0 },
		"objects":  func(c *bench.NetworkConfig) { c.Objects = 9 },
		"sites is": func(c *bench.NetworkConfig) { c.Sites = nil },
		"contains": func(c *bench.NetworkConfig) { c.Sites = []int{1001} },
	} {
		cfg := fine
		change(&cfg)
		if err := cfg.Validate(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: the error is %v", want, err)
		}
	}
}
