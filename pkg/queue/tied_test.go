package queue_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/queue"
)

// anew deletes a queue and creates another one of its name that holds more than the first did.
func anew(t *testing.T, c *cluster.Cluster, q *queue.Queue) *queue.Queue {
	t.Helper()
	if err := q.Delete(within(t), true); err != nil {
		t.Fatal(err)
	}
	again := create(t, c, q.Name(), queue.Rules{})
	for i := range 20 {
		enqueue(t, again, fmt.Sprint("new", i))
	}
	return again
}

// What waits for a queue that is deleted and created again is told that it was deleted, and
// takes nothing of the new one: claims, watchers, replicas. So is whatever is asked later.
func TestAQueueThatIsCreatedAgainIsAnotherOne(t *testing.T) {
	ctx := within(t)
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c := connect(t, b)
	q := create(t, c, "q", queue.Rules{})
	old := open(t, connect(t, b), "q")
	var mu sync.Mutex
	var told []string
	waiting := map[string]func() error{
		"claim": func() error { _, err := old.Claim(ctx, queue.Request{Lease: time.Hour, Wait: true}); return err },
		"replicate": func() error {
			return old.Replicate(ctx, -1, func(queue.Entry, queue.Payload) error { return errEnough })
		},
		"watch": func() error {
			return old.Watch(ctx, -1, func(c queue.Change) error {
				mu.Lock()
				defer mu.Unlock()
				told = append(told, c.Kind.String())
				return nil
			})
		},
	}
	errs := map[string]error{}
	var all sync.WaitGroup
	for name, wait := range waiting {
		all.Go(func() {
			err := wait()
			mu.Lock()
			defer mu.Unlock()
			errs[name] = err
		})
	}
	again := anew(t, c, q)
	all.Wait()
	for name, err := range errs {
		refusedAs(t, name, err, queue.ErrDeleted)
	}
	if fmt.Sprint(told) != "[deleted]" {
		t.Errorf("a watcher was told of %s", told)
	}
	_, err = old.Enqueue(ctx, queue.Item{ID: "stray"})
	refusedAs(t, "enqueue", err, queue.ErrDeleted)
	_, err = old.Entries(ctx, -1, 10, true)
	refusedAs(t, "entries", err, queue.ErrDeleted)
	refusedAs(t, "remove", old.Remove(ctx, "new1", ""), queue.ErrDeleted)
	refusedAs(t, "configure", old.Configure(ctx, queue.Rules{}), queue.ErrDeleted)
	if err := old.Delete(ctx, true); err != nil { // It is.
		t.Error(err)
	}
	i, err := again.Info(ctx, true)
	if err != nil || i.Counts.Entries != 20 || i.Counts.Claimed != 0 {
		t.Fatalf("the new queue: %+v, %v", i, err)
	}
}

// What a host of the old queue has appended to the log of the new one does not count there.
func TestACallThatLandsInAnotherQueue(t *testing.T) {
	ctx := within(t)
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c := connect(t, b)
	q := create(t, c, "q", queue.Rules{})
	enqueue(t, q, "a")
	log := c.Partition("spanway.queue.q", 0)
	old, err := log.Fetch(ctx, 0, 0)
	if err != nil || len(old.Records) != 2 {
		t.Fatal(len(old.Records), err)
	}
	again := anew(t, c, q)
	if _, err := log.Append(ctx, old.Records[1:]); err != nil {
		t.Fatal(err)
	}
	if _, state, _, err := again.Find(ctx, "a", true); err != nil || state != queue.Unknown {
		t.Fatalf("an entry of the old queue is in the new one: %v, %v", state, err)
	}
}

// A watcher that begins when its host has read of the deletion is told of it.
func TestWatchWhatWasDeleted(t *testing.T) {
	ctx := within(t)
	c := broker(t)
	q := create(t, c, "q", queue.Rules{})
	if err := q.Delete(ctx, true); err != nil {
		t.Fatal(err)
	}
	n := 0
	err := q.Watch(ctx, -1, func(c queue.Change) error {
		if n++; c.Kind != queue.WasDeleted || n > 1 {
			return errors.New(c.Kind.String())
		}
		return nil
	})
	refusedAs(t, "watch", err, queue.ErrDeleted)
	if n != 1 {
		t.Errorf("it was told of %d changes", n)
	}
}
