package queue_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/logowner"
	"github.com/spanway/spanway/pkg/queue"
)

// truncating are the options of a host that writes snapshots often and keeps no history.
var truncating = queue.Options{Logger: quiet.Logger, Snapshots: logowner.Snapshots{Events: 100, History: time.Millisecond}}

// The ordering, with its sequence numbers, survives truncation and a restart of the broker;
// what was removed does not come back, and payloads of what is left can be read.
func TestTheOrderingSurvives(t *testing.T) {
	ctx := within(t)
	dir := t.TempDir()
	b, err := embedded.Start(embedded.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c := connect(t, b)
	if err := queue.Create(ctx, c, "q", queue.Rules{}, quiet); err != nil {
		t.Fatal(err)
	}
	keeper, err := queue.Open(ctx, c, "q", truncating)
	if err != nil {
		t.Fatal(err)
	}
	var removed []string
	truncated := func() bool {
		start, _, err := c.Offsets(ctx, "spanway.queue.q", 0)
		if err != nil {
			t.Fatal(err)
		}
		return start > 200
	}
	for i := 0; !truncated(); i++ { // The keeper has its own time for it.
		id := fmt.Sprint(i)
		enqueue(t, keeper, id)
		if i%10 != 0 || i < 100 {
			if err := keeper.Remove(ctx, id, ""); err != nil {
				t.Fatal(err)
			}
			removed = append(removed, id)
		}
	}
	enqueue(t, keeper, "last")
	want := list(t, keeper)
	check := func(q *queue.Queue) {
		t.Helper()
		if got := list(t, q); got != want {
			t.Fatalf("the ordering is%s\nwant%s", got, want)
		}
		for _, id := range []string{removed[0], removed[len(removed)-1]} {
			_, err := q.Enqueue(ctx, queue.Item{ID: id})
			refusedAs(t, "what was removed comes back", err, queue.ErrAlreadyRemoved)
		}
		p, err := q.Entries(ctx, -1, queue.MaxPage, false)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range p.Entries {
			if payload, err := q.Payload(ctx, e); err != nil || string(payload.Data) != "payload of "+e.ID {
				t.Fatalf("%s holds %q: %v", e.ID, payload.Data, err)
			}
		}
	}
	check(open(t, c, "q"))
	if err := keeper.Close(); err != nil {
		t.Fatal(err)
	}
	b.Close()
	again, err := embedded.Start(embedded.Config{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(again.Close)
	check(open(t, connect(t, again), "q"))
}
