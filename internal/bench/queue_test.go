package bench

import (
	"log/slog"
	"math"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

func TestRunQueueMeasuresQueuesAndTheBareWire(t *testing.T) {
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
	var done atomic.Int64 // Workers tell of what is done at the same time.
	cfg := QueueConfig{
		Cluster: c, Prefix: events.DefaultPrefix, Name: "bench-test", Rounds: 2, Entries: 500, Size: 100,
		Singles: 5, Claims: 100, Workers: 4, Sizes: []int{1, 300}, Logger: quiet, Progress: func(n int) { done.Add(int64(n)) },
	}
	r, err := RunQueue(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	for what, c := range map[string]Compared{"enqueue": r.Enqueue, "claim": r.Claim} {
		if len(c.Rounds) != 2 || len(c.RoundWire) != 2 || c.PerSecond <= 0 || c.Ratio <= 0 || c.WirePerSecond <= 0 || c.Allocations < 1 || c.RecordsPerAppend < 1 {
			t.Errorf("%s: measured %+v", what, c)
		}
		if c.RecordBytes < 100 || math.Abs(c.WireRecordBytes/c.RecordBytes-1) > 0.02 {
			t.Errorf("%s: a record has %.1f bytes, on the wire %.1f; they are to be the same", what, c.RecordBytes, c.WireRecordBytes)
		}
	}
	if r.Singles != 10 || r.SingleP50 <= 0 || r.SingleP99 < r.SingleP50 || r.WireSingleP50 <= 0 || r.Doubles != 0 {
		t.Errorf("measured %+v", r)
	}
	if len(r.Sizes) != 2 || r.Sizes[1].Entries != 300 {
		t.Fatalf("measured %+v", r.Sizes)
	}
	if s := r.Sizes[1]; s.EnqueuedPerSecond <= 0 || s.Page <= 0 || s.OpenLog <= 0 || s.OpenSnapshot <= 0 || s.Fetch <= 0 || s.SnapshotBytes < 16 {
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
		if strings.Contains(topic.Name, "bench-test") {
			t.Errorf("it left %s", topic.Name)
		}
	}
}

func TestEntriesThatAreHandedOutTwiceAreFound(t *testing.T) {
	given := handedOut{entries: map[string]int64{}}
	if err := given.note("a", 1); err != nil {
		t.Error(err)
	}
	if err := given.note("b", 1); err != nil {
		t.Error(err)
	}
	if err := given.note("a", 2); err == nil || !strings.Contains(err.Error(), `"a" was handed out twice: by the claims 1 and 2`) {
		t.Errorf("error %v", err)
	}
}

func TestQueueConfigIsRefused(t *testing.T) {
	fine := QueueConfig{Rounds: 1, Entries: 10, Singles: 1, Claims: 10, Workers: 1}
	if err := fine.Validate(); err != nil {
		t.Fatal(err)
	}
	for says, change := range map[string]func(*QueueConfig){
		"entries": func(c *QueueConfig) { c.Entries = 0 },
		"rounds":  func(c *QueueConfig) { c.Rounds = 0 },
		"size":    func(c *QueueConfig) { c.Size = 1 << 20 },
		"singles": func(c *QueueConfig) { c.Singles = 0 },
		"claims":  func(c *QueueConfig) { c.Claims = 11 },
		"workers": func(c *QueueConfig) { c.Workers = 0 },
		"sizes":   func(c *QueueConfig) { c.Sizes = []int{5, -1} },
	} {
		c := fine
		change(&c)
		if err := c.Validate(); err == nil || !strings.HasPrefix(err.Error(), says) {
			t.Errorf("%s: error %v", says, err)
		}
	}
}
