package serve

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// What the flag says is what the owner of a pool does.
func TestServeSchedulerBoundsAPool(t *testing.T) {
	broker, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer broker.Close()
	clitest.Answers(t, broker.Addrs()...)
	k := kafka.New(kafka.Config{Brokers: broker.Addrs()})
	defer k.Close()
	if _, err := k.Ensure(t.Context(), events.Specs(events.Topics{Prefix: events.DefaultPrefix}.Catalogue())); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var log bytes.Buffer
	ended := make(chan int, 1)
	go func() {
		ended <- program.Run(ctx, []string{"serve", "scheduler", "--waiting-limit", "2", "--http", "", "--brokers", broker.Addr()},
			cli.Streams{In: strings.NewReader(""), Out: &log, Err: &log})
	}()
	for _, id := range []string{"one", "two"} {
		if _, stderr, code := program.Call(t.Context(), "", "task", "submit", "-k", "noop", "--id", id, "--brokers", broker.Addr()); code != cli.ExitDone {
			t.Fatalf("submit %s ends with %d: %s", id, code, stderr)
		}
	}
	_, stderr, code := program.Call(t.Context(), "", "task", "submit", "-k", "noop", "--id", "three", "--wait", "--brokers", broker.Addr())
	if code != cli.ExitRefused || !strings.Contains(stderr, "POOL_FULL") {
		t.Errorf("the third of two ends with %d: %s; want POOL_FULL", code, stderr)
	}
	out, _, code := program.Call(t.Context(), "", "task", "show", "three", "--brokers", broker.Addr())
	if code != cli.ExitDone || !strings.Contains(out, "REJECTED") || !strings.Contains(out, "POOL_FULL") {
		t.Errorf("task show of it ends with %d:\n%s", code, out)
	}
	stop()
	if code := <-ended; code != cli.ExitDone {
		t.Errorf("the scheduler ends with %d:\n%s", code, log.String())
	}
}
