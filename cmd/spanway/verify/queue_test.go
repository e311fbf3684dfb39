package verify

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/pkg/queue"
)

// The logs of queues are judged, and what is broken in one is found.
func TestVerifyJudgesQueues(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	s := clitest.Start(t, 0)
	brokers := s.Brokers()
	options := queue.Options{Logger: slog.New(slog.DiscardHandler), Brief: true}
	c, err := cluster.Open(cluster.Config{Brokers: brokers, Logger: options.Logger})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if err := queue.Create(ctx, c, "orders", queue.Rules{}, options); err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(ctx, c, "orders", options)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"a", "b"} {
		if _, err := q.Enqueue(ctx, queue.Item{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Remove(ctx, "a", ""); err != nil {
		t.Fatal(err)
	}
	if err := q.Remove(ctx, "a", ""); err == nil {
		t.Fatal("it was removed twice")
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	out, stderr, code := program.Call(ctx, "", "verify", "--brokers", brokers[0])
	for _, want := range []string{"5 calls, 4 accepted", "2 entries enqueued, 1 taken out, 1 held", "refused: 1 ALREADY_REMOVED", "G8 holds"} {
		if code != cli.ExitDone || !strings.Contains(out, want) {
			t.Fatalf("verify ends with %d and prints\n%s%s\nwant %q", code, out, stderr, want)
		}
	}
	r, err := sharedlog.Encode(events.Encoder{Source: "/test"}, sharedlog.CallID{1}, 5, &events.QueueRemoved{Id: "b"})
	if err != nil {
		t.Fatal(err)
	}
	other, err := sharedlog.Encode(events.Encoder{Source: "/test"}, sharedlog.CallID{1}, 5, &events.QueueEnqueued{Id: "c"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Partition("spanway.queue.orders", 0).Append(ctx, []events.Record{r, other}); err != nil {
		t.Fatal(err)
	}
	out, stderr, code = program.Call(ctx, "", "verify", "--brokers", brokers[0])
	if code != cli.ExitRefused || !strings.Contains(out, "G8") || !strings.Contains(out, "asks something else") || !strings.Contains(stderr, "GUARANTEE_BROKEN: 1 violation") {
		t.Fatalf("verify ends with %d and prints\n%s%s", code, out, stderr)
	}
}

// Of a queue whose log was truncated behind its snapshots it is said that little can be
// judged; that is no loss.
func TestVerifyATruncatedQueue(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	brokers := clitest.Start(t, 0).Brokers()
	quiet := slog.New(slog.DiscardHandler)
	c, err := cluster.Open(cluster.Config{Brokers: brokers, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const prefix = "x." // The system keeps the queues of its own prefix.
	if _, err := c.Ensure(ctx, events.Specs(events.Topics{Prefix: prefix}.Catalogue())); err != nil {
		t.Fatal(err)
	}
	options := queue.Options{Logger: quiet, Prefix: prefix, Snapshots: logowner.Snapshots{Events: 50, History: time.Millisecond}}
	if err := queue.Create(ctx, c, "orders", queue.Rules{}, options); err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(ctx, c, "orders", options)
	if err != nil {
		t.Fatal(err)
	}
	for start := int64(0); start == 0; { // The host has its own time for it.
		e, err := q.Enqueue(ctx, queue.Item{})
		if err == nil {
			err = q.Remove(ctx, e.ID, "")
		}
		if err == nil {
			start, _, err = c.Offsets(ctx, prefix+"queue.orders", 0)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := q.Close(); err != nil {
		t.Fatal(err)
	}
	out, stderr, code := program.Call(ctx, "", "verify", "--prefix", prefix, "--brokers", brokers[0])
	if code != cli.ExitDone || !strings.Contains(out, "only LOSS is judged") {
		t.Fatalf("verify ends with %d and prints\n%s%s", code, out, stderr)
	}
}
