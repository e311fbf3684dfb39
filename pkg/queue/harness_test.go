package queue_test

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/queue"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var quiet = queue.Options{Logger: slog.New(slog.DiscardHandler)}

// within is a context of the test that ends after two minutes: it only bounds a hang.
func within(t testing.TB) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	return ctx
}

// broker is an embedded one with a connection, for the test.
func broker(t testing.TB) *cluster.Cluster {
	t.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	return connect(t, b)
}

func connect(t testing.TB, b *embedded.Broker) *cluster.Cluster {
	t.Helper()
	c, err := cluster.Open(cluster.Config{Brokers: b.Addrs(), Logger: quiet.Logger})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// create makes a queue and opens it.
func create(t testing.TB, c *cluster.Cluster, name string, rules queue.Rules) *queue.Queue {
	t.Helper()
	if err := queue.Create(within(t), c, name, rules, quiet); err != nil {
		t.Fatal(err)
	}
	return open(t, c, name)
}

func open(t testing.TB, c *cluster.Cluster, name string) *queue.Queue {
	t.Helper()
	q, err := queue.Open(within(t), c, name, quiet)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
	return q
}

func enqueue(t testing.TB, q *queue.Queue, ids ...string) {
	t.Helper()
	items := make([]queue.Item, len(ids))
	for i, id := range ids {
		items[i] = queue.Item{ID: id, Payload: []byte("payload of " + id)}
	}
	results, err := q.EnqueueAll(within(t), items)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			t.Fatal(r.Err)
		}
	}
}

// list is the ordering, by a barrier read: "a@1 b@2".
func list(t testing.TB, q *queue.Queue) (out string) {
	t.Helper()
	for after := int64(-1); ; {
		p, err := q.Entries(within(t), after, 1000, true)
		if err != nil {
			t.Fatal(err)
		}
		if len(p.Entries) == 0 {
			return out
		}
		for _, e := range p.Entries {
			out += fmt.Sprintf(" %s@%d", e.ID, e.Seq)
			after = e.Seq
		}
	}
}
