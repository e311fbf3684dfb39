package bench

import (
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/store"
)

func TestRunIDsMeasuresGrantsTheLoopAndTheBareWire(t *testing.T) {
	broker, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	quiet := slog.New(slog.DiscardHandler)
	c, err := cluster.Open(cluster.Config{Brokers: broker.Addrs(), Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	server, err := embedded.StartRedis(0)
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	var done atomic.Int64
	cfg := IDsConfig{
		Cluster: c, Prefix: events.DefaultPrefix, Name: "bench-test", Redis: server.Addr(), Callers: 8, Count: 3, Rounds: 2,
		Duration: 20 * time.Millisecond, Sizes: []int{1, 30}, Logger: quiet, Progress: func(n int) { done.Add(int64(n)) },
	}
	r, err := RunIDs(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for callers, g := range map[int]Grants{8: r.Many, 1: r.Single} {
		if g.Callers != callers || len(g.Rounds) != 2 || len(g.RoundWatch) != 2 || len(g.RoundWire) != 2 || g.PerSecond <= 0 ||
			g.P50 <= 0 || g.P99 < g.P50 || g.WatchPerSecond <= 0 || g.WatchRatio <= 0 || g.WireRatio <= 0 || g.Allocations < 1 {
			t.Errorf("%d callers: measured %+v", callers, g)
		}
	}
	// Two rounds and the warm-up of one caller and eight; 31 to fill; the sizes.
	if r.Redis != server.Addr() || r.Overlaps != 0 || r.Granted < 3*9+31+2*9 {
		t.Errorf("measured %+v", r)
	}
	if len(r.Sizes) != 2 || r.Sizes[1].Ranges != 30 {
		t.Fatalf("measured %+v", r.Sizes)
	}
	if s := r.Sizes[1]; s.FilledPerSecond <= 0 || s.PerSecond <= 0 || s.P50 <= 0 || s.P99 < s.P50 {
		t.Errorf("measured %+v", s)
	}
	if done.Load() != int64(cfg.Work()) {
		t.Errorf("told of %d, want %d", done.Load(), cfg.Work())
	}
	fresh := kafka.New(kafka.Config{Brokers: broker.Addrs()}) // What c knows may be half a second old.
	defer fresh.Close()
	topics, err := fresh.Topics(t.Context(), events.DefaultPrefix)
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range topics {
		t.Errorf("it left %s", topic.Name)
	}
	client := redis.NewClient(&redis.Options{Addr: server.Addr()})
	defer client.Close()
	if keys, err := client.Keys(t.Context(), "*").Result(); err != nil || len(keys) > 0 {
		t.Errorf("it left %q in Redis; %v", keys, err)
	}
}

func TestIdentifiersThatAreGrantedTwiceAreFound(t *testing.T) {
	apart := []store.Range{{From: 7, To: 9}, {From: 1, To: 3}, {From: 4, To: 6}}
	if err := disjoint(apart); err != nil {
		t.Error(err)
	}
	for _, r := range []store.Range{{From: 9, To: 9}, {From: 1, To: 1}, {From: 5, To: 8}, {From: 0, To: 20}} {
		if err := disjoint(append([]store.Range{r}, apart...)); err == nil || !strings.Contains(err.Error(), "was granted twice") {
			t.Errorf("%v beside others: error %v", r, err)
		}
	}
}

func TestIDsConfigIsRefused(t *testing.T) {
	fine := IDsConfig{Callers: 1, Count: 1, Rounds: 1, Duration: time.Second, Redis: "127.0.0.1:6379"}
	if err := fine.Validate(); err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(*IDsConfig){
		"callers":  func(c *IDsConfig) { c.Callers = 0 },
		"count":    func(c *IDsConfig) { c.Count = 65_537 },
		"rounds":   func(c *IDsConfig) { c.Rounds = 0 },
		"duration": func(c *IDsConfig) { c.Duration = 0 },
		"sizes":    func(c *IDsConfig) { c.Sizes = []int{5, 0} },
		"redis":    func(c *IDsConfig) { c.Redis = "nowhere" },
	} {
		c := fine
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%s: error %v", says, err)
		}
	}
}
