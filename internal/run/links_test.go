package run

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// Each of several sites has a replicator, which copies what the site's links say, and what
// applications announce; a system of one site has none.
func TestSitesCopyFromEachOther(t *testing.T) {
	defer goleak.VerifyNone(t)
	s := startSites(t, Config{})
	defer s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	ams, fra := s.sites[0].cluster, s.sites[1].cluster
	site, err := replication.Open(ctx, fra, replication.Options{Brief: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = site.Close() }()
	_, err = site.Apply(ctx, replication.Spec{Name: "in", Source: "ams", Include: []string{"orders"}, Applications: []string{"shop"}}, replication.Any)
	if err != nil {
		t.Fatal(err)
	}
	for _, topic := range []string{"orders", "carts"} {
		if err := ams.Kafka().Create(ctx, events.TopicSpec{Name: topic, Partitions: 1}); err != nil {
			t.Fatal(err)
		}
		write(ctx, t, ams, topic, 10)
	}
	await(ctx, t, fra, "orders", 10)
	if n, _ := fra.Kafka().Partitions(ctx, "carts"); n != 0 {
		t.Errorf("carts is copied, and nothing says so")
	}
	if err := replication.Announce(ctx, ams, replication.Options{}, replication.Application{Name: "shop", Topics: []string{"carts"}}); err != nil {
		t.Fatal(err)
	}
	await(ctx, t, fra, "carts", 10)
}

func write(ctx context.Context, t *testing.T, c *cluster.Cluster, topic string, n int) {
	t.Helper()
	records := make([]events.Record, n)
	for i := range records {
		records[i] = events.Record{Timestamp: time.Now().UnixMilli(), Value: fmt.Append(nil, i)}
	}
	if _, err := c.Partition(topic, 0).Append(ctx, records); err != nil {
		t.Fatal(err)
	}
}

// await waits until a topic has the records that write wrote.
func await(ctx context.Context, t *testing.T, c *cluster.Cluster, topic string, n int) {
	t.Helper()
	if _, err := c.Kafka().AwaitTopic(ctx, topic); err != nil {
		t.Fatal(err)
	}
	for next, got := int64(0), 0; got < n; {
		page, err := c.Partition(topic, 0).Fetch(ctx, next, time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for i := range page.Records {
			if v := string(page.Records[i].Value); v != fmt.Sprint(got) {
				t.Fatalf("%s has %s at %d, want %d", topic, v, page.Records[i].Offset, got)
			}
			got++
		}
		next = page.Next
	}
}
