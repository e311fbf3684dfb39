package queue_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/queue"
)

// Whatever opens a queue of which the topic of snapshots is gone is told so, and create makes
// it anew.
func TestWithoutTheTopicOfSnapshots(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	c := broker(t)
	enqueue(t, create(t, c, "q", queue.Rules{}), "a")
	if err := c.Kafka().DeleteTopics(ctx, []string{"spanway.queue.q.snapshots"}); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		_, err := queue.Open(ctx, c, "q", quiet)
		refusedAs(t, "open", err, queue.ErrDeleted)
	})
	all.Go(func() {
		_, err := queue.List(ctx, c, "q", quiet)
		refusedAs(t, "list", err, queue.ErrDeleted)
	})
	all.Wait()
	if err := queue.Create(ctx, c, "q", queue.Rules{}, quiet); err != nil {
		t.Fatal(err)
	}
	if got := list(t, open(t, c, "q")); got != " a@1" {
		t.Errorf("the queue has%s", got)
	}
}
