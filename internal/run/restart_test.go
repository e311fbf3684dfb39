package run

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler"
)

// TestRequestsBeforeTheSchedulerRuns: behind two snapshots the inputs are deleted. What is
// submitted after a restart, before a scheduler reads it, is done all the same.
func TestRequestsBeforeTheSchedulerRuns(t *testing.T) {
	const before, after = 30, 60
	cfg := Config{DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Engines: 1, Logs: scheduler.LogConfig{
		SnapshotEvents: 1, SnapshotInterval: 100 * time.Millisecond, History: -1,
	}}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s, err := Start(ctx, cfg)
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, s)
	for i := range before {
		if _, err := c.Do(ctx, client.Task{ID: events.TaskID(fmt.Sprint("before", i)), Kind: "noop"}); err != nil {
			t.Fatal(err)
		}
	}
	requests := c.Topics().Requests()
	awaitRequestsDeleted(t, ctx, s, c)
	_ = c.Close(ctx)
	s.Stop()

	submitAlone(t, ctx, cfg.DataDir, requests, after)

	var log warnings
	cfg.Logger = slog.New(&log)
	if s, err = Start(ctx, cfg); err != nil {
		t.Fatal(err)
	}
	defer func() {
		s.Stop()
		log.none(t)
	}()
	c = connect(t, s)
	defer func() { _ = c.Close(t.Context()) }()
	for i := range after {
		id := events.TaskID(fmt.Sprint("after", i))
		if r, err := c.Wait(ctx, events.DefaultPool, id); err != nil || r.State != client.Succeeded {
			t.Fatalf("task %s, which was acknowledged: %v, %v", id, r.State, err)
		}
	}
}

// awaitRequestsDeleted lets engines come and go, which causes events without requests,
// until nothing but the last request is kept.
func awaitRequestsDeleted(t *testing.T, ctx context.Context, s *System, c *client.Client) {
	t.Helper()
	for {
		start, end, err := c.Offsets(ctx, c.Topics().Requests(), events.PoolPartition(events.DefaultPool))
		switch {
		case err != nil:
			t.Fatalf("the requests are not deleted: %v", err)
		case start == end:
			t.Fatalf("the last request was deleted: it holds [%d, %d)", start, end)
		case start == end-1:
			return
		}
		echo(t, s)()
	}
}

// submitAlone submits tasks while only the broker runs.
func submitAlone(t *testing.T, ctx context.Context, dir, requests string, n int) {
	t.Helper()
	b, err := embedded.Start(embedded.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c, err := client.New(client.Config{Brokers: b.Addrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(ctx) }()
	partition := events.PoolPartition(events.DefaultPool)
	_, end, err := c.Offsets(ctx, requests, partition)
	if err != nil {
		t.Fatal(err)
	}
	for i := range n {
		if _, err := c.Submit(ctx, client.Task{ID: events.TaskID(fmt.Sprint("after", i)), Kind: "noop"}); err != nil {
			t.Fatal(err)
		}
	}
	if _, now, err := c.Offsets(ctx, requests, partition); err != nil || now != end+int64(n) {
		t.Fatalf("the requests end at %d, %v; want %d", now, err, end+int64(n))
	}
}
