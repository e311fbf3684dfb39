package main

import (
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/services/allocator"
	"github.com/spanway/spanway/services/allocator/store"
)

// A cluster that has queues only, or identifiers only, needs no topics of tasks: each command
// asks for what it reads, and verify judges what there is.
func TestAClusterOfOneKind(t *testing.T) {
	type step struct {
		line, stdin string
		code        int
		says        string
	}
	for name, c := range map[string]struct {
		serve func(t *testing.T, c *cluster.Cluster)
		steps []step
	}{
		"nothing": {nil, []step{
			{"verify", "", cli.ExitUnavailable, "have no topics spanway.tasks.*"},
			{"id list", "", cli.ExitUnavailable, "have no topic spanway.ids.events; give the right prefix, or start an allocator"},
			{"id show spi", "", cli.ExitUnavailable, "have no topic spanway.ids.events"},
			{"queue list", "", cli.ExitDone, "QUEUE"},
			{"log list", "", cli.ExitUnavailable, "have no topics spanway."},
		}},
		"queues": {nil, []step{
			{"queue create orders", "", cli.ExitDone, "queue orders"},
			{"queue enqueue orders --id a", "x", cli.ExitDone, "a"},
			{"queue list orders", "", cli.ExitDone, "a"},
			{"verify", "", cli.ExitDone, "G8 hold"},
			{"log list", "", cli.ExitDone, "spanway.queue.orders"},
			{"log show queue.orders", "", cli.ExitDone, "SNAPSHOTS"},
			{"log show queue.orders/0@0", "", cli.ExitDone, `"offset": 0`},
			{"log tail queue.orders --from-start", "", cli.ExitDone, "queue.orders/0@0"},
			{"log dead", "", cli.ExitUsage, `there is no topic "spanway.deadletter"`},
			{"id list", "", cli.ExitUnavailable, "have no topic spanway.ids.events"},
			{"task list", "", cli.ExitUnavailable, "have no topics spanway.tasks.*"},
		}},
		"links": {nil, []step{
			{"link apply in --source x --include y", "", cli.ExitDone, ""},
			{"log list", "", cli.ExitDone, "spanway.replication.links"},
			{"log tail replication.links --from-start", "", cli.ExitDone, "replication.link"},
		}},
		"identifiers": {allocates, []step{
			{"id list", "", cli.ExitDone, "as of spanway.ids.events@0,0,0,0,0,0,0,0\n"},
			{"id create spi --to 100", "", cli.ExitDone, "space spi"},
			{"id grant spi --count 4", "", cli.ExitDone, "1-4"},
			{"id list", "", cli.ExitDone, "spi"},
			{"id show spi --ranges", "", cli.ExitDone, "live"},
			{"id show spi/2", "", cli.ExitDone, "live"},
			{"verify", "", cli.ExitDone, "G9 hold"},
			{"log list", "", cli.ExitDone, "spanway.ids.events"},
			{"log show ids.events", "", cli.ExitDone, "SNAPSHOTS"},
			{"log tail ids.events --from-start", "", cli.ExitDone, "ids.range_granted"},
			{"log dead", "", cli.ExitDone, "OFFSET"},
			{"task list", "", cli.ExitUnavailable, "have no topics spanway.tasks.*"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			brokers, at := alone(t)
			if c.serve != nil {
				c.serve(t, at)
			}
			for _, s := range c.steps {
				out, text, code := program.Call(t.Context(), s.stdin, append(strings.Fields(s.line), "--brokers", brokers)...)
				if code != s.code || !strings.Contains(out+text, s.says) {
					t.Errorf("%s: exit code %d, %s%s; want %d, %q", s.line, code, out, text, s.code, s.says)
				}
			}
		})
	}
}

// alone is a broker without topics.
func alone(t *testing.T) (brokers string, c *cluster.Cluster) {
	t.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	clitest.Answers(t, b.Addrs()...)
	t.Cleanup(b.Close)
	c, err = cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return b.Addrs()[0], c
}

// allocates runs an allocator until the test ends.
func allocates(t *testing.T, c *cluster.Cluster) {
	t.Helper()
	a, err := allocator.New(allocator.DefaultConfig(), allocator.Deps{Cluster: c, Store: store.NewMemory(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- a.Run(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the allocator ended with %v", err)
		}
	})
	select {
	case <-a.Ready():
	case <-time.After(2 * time.Minute):
		t.Fatal("the allocator is not ready in time")
	}
}
