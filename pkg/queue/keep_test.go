package queue_test

import (
	"context"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/queue"
)

// Where only brief hosts use a queue, leases end by what keeps all queues: of one that
// was there before, of one that comes, and of one that comes again under the same name.
func TestKeepEndsLeases(t *testing.T) {
	c, ctx := broker(t), within(t)
	brief := quiet
	brief.Brief = true
	makes := func(name string) {
		t.Helper()
		if err := queue.Create(ctx, c, name, queue.Rules{}, brief); err != nil {
			t.Fatal(err)
		}
	}
	makes("before")
	keeping, stop := context.WithCancel(ctx)
	kept := make(chan struct{})
	go func() { defer close(kept); queue.Keep(keeping, c, quiet) }()
	defer func() { stop(); <-kept }()

	comesBack(ctx, t, c, "before", brief)
	makes("later")
	comesBack(ctx, t, c, "later", brief)
	briefly(ctx, t, c, "later", brief, func(q *queue.Queue) error { return q.Delete(ctx, true) })
	makes("later")
	comesBack(ctx, t, c, "later", brief)
}

// comesBack claims an entry and goes, and waits until another host can claim it.
func comesBack(ctx context.Context, t *testing.T, c *cluster.Cluster, name string, brief queue.Options) {
	t.Helper()
	briefly(ctx, t, c, name, brief, func(q *queue.Queue) error {
		enqueue(t, q, "e")
		_, err := q.Claim(ctx, queue.Request{Lease: 20 * time.Millisecond})
		return err
	})
	briefly(ctx, t, c, name, brief, func(q *queue.Queue) error {
		_, err := q.Claim(ctx, queue.Request{Lease: time.Hour, Wait: true})
		return err
	})
}

func briefly(ctx context.Context, t *testing.T, c *cluster.Cluster, name string, brief queue.Options, f func(q *queue.Queue) error) {
	t.Helper()
	q, err := queue.Open(ctx, c, name, brief)
	if err == nil {
		err = f(q)
		_ = q.Close() // Of a queue that was deleted it says so.
	}
	if err != nil {
		t.Fatal(err)
	}
}
