package run

import (
	"context"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler"
)

// TestTasksBetweenTheStartAndTheSnapshots: the log's beginning is gone, and its
// snapshots are younger than most of what is left; the history tells of tasks that
// no snapshot knows, and the core of what still waits.
func TestTasksBetweenTheStartAndTheSnapshots(t *testing.T) {
	const tasks = 200
	s, err := Start(t.Context(), Config{Logger: slog.New(slog.DiscardHandler), Logs: scheduler.LogConfig{
		SnapshotEvents: 50, SnapshotInterval: 100 * time.Millisecond, // History stays, until it is deleted below.
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	defer echo(t, s)()
	c, q := connect(t, s), query.New(query.Config{Logs: s.Cluster()})
	defer func() { _ = c.Close(t.Context()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	if _, err := c.Submit(ctx, client.Task{ID: "stuck", Kind: "echo", Predicate: "engine.site == 'nowhere'"}); err != nil {
		t.Fatal(err)
	}
	ended := map[string]client.Result{}
	for i := range tasks {
		id := fmt.Sprint("t", i)
		r, err := c.Do(ctx, client.Task{ID: events.TaskID(id), Kind: "echo", Payload: []byte(id)})
		if err != nil {
			t.Fatal(err)
		}
		ended[id] = r
	}
	topic, partition := c.Topics().Events(), events.PoolPartition(events.DefaultPool)
	for young := false; !young; { // Until all snapshots are younger than t50.
		if _, err := c.Do(ctx, client.Task{Kind: "echo"}); err != nil {
			t.Fatal(err)
		}
		held, err := q.SnapshotsOf(ctx, events.Topics{Prefix: events.DefaultPrefix}.Events(), partition)
		if err != nil {
			t.Fatal(err)
		}
		young = len(held) > 0 && held[len(held)-1].Offset > ended["t50"].Offset
	}
	whole, err := q.Tasks(ctx, query.TaskQuery{Pool: events.DefaultPool})
	if err != nil || len(whole[0].Tasks) <= tasks {
		t.Fatalf("%d tasks, %v", len(whole[0].Tasks), err)
	}
	start := ended["t9"].Offset + 1 // What is before is deleted: t0 to t9, and the acceptance of stuck.
	if err := s.Cluster().Kafka().DeleteRecords(ctx, topic, partition, start); err != nil {
		t.Fatal(err)
	}
	left, err := q.Tasks(ctx, query.TaskQuery{Pool: events.DefaultPool})
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]*query.Task{}
	for _, task := range left[0].Tasks {
		found[task.ID] = task
	}
	for _, want := range whole[0].Tasks {
		got := found[want.ID]
		switch r := ended[want.ID]; {
		case want.ID == "stuck":
			if got == nil || got.State != string(client.Pending) || got.Kind != "echo" || got.AcceptedMs != want.AcceptedMs {
				t.Errorf("stuck is %+v, want %+v", got, want)
			}
		case r.Offset < start: // Not one of these, or its history is deleted.
		case got == nil || got.State != want.State || string(got.Result) != want.ID || got.EndedAt != r.Offset || got.Engine != "echo" || got.Attempt != 1:
			t.Errorf("%s is %+v, want %+v", want.ID, got, want)
		}
	}
}
