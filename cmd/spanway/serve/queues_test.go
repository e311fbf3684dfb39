package serve

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/queue"
)

// A lease ends by serve queues where only brief hosts use the queue.
func TestServeQueuesEndsLeases(t *testing.T) {
	ctx, enough := context.WithTimeout(t.Context(), 2*time.Minute)
	defer enough()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	clitest.Answers(t, b.Addrs()...)
	defer b.Close()
	serving, stop := context.WithCancel(context.Background())
	code := make(chan int, 1)
	go func() {
		args := []string{"serve", "queues", "--brokers", b.Addrs()[0], "--log-level", "error"}
		code <- program.Run(serving, args, cli.Streams{Out: io.Discard, Err: io.Discard})
	}()
	defer func() {
		stop()
		if got := <-code; got != cli.ExitDone {
			t.Errorf("serve queues ended with %d", got)
		}
	}()
	c, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	brief := queue.Options{Brief: true, Logger: slog.New(slog.DiscardHandler)}
	if err := queue.Create(ctx, c, "orders", queue.Rules{}, brief); err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(ctx, c, "orders", brief)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	if _, err = q.Enqueue(ctx, queue.Item{ID: "a"}); err == nil {
		_, err = q.Claim(ctx, queue.Request{Lease: 20 * time.Millisecond})
	}
	if err == nil {
		_, err = q.Claim(ctx, queue.Request{Lease: time.Hour, Wait: true})
	}
	if err != nil {
		t.Fatal(err)
	}
}
