package run

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler"
)

// echo is an engine that returns payloads.
func echo(t *testing.T, s *System) (stop func()) {
	t.Helper()
	e, err := engine.New(engine.Config{Brokers: s.Brokers(), ID: "echo", Logger: slog.New(slog.DiscardHandler), Allocatable: map[string]int64{"slots": 64}})
	if err != nil {
		t.Fatal(err)
	}
	e.Handle("echo", func(_ context.Context, task *engine.Task) ([]byte, error) { return task.Payload, nil })
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- e.Run(ctx) }()
	<-e.Ready()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func connect(t *testing.T, s *System) *client.Client {
	t.Helper()
	c, err := client.New(client.Config{Brokers: s.Brokers()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAFreshSchedulerOnATruncatedLog: the beginning of the log and of its inputs
// is really deleted; whoever comes then knows all the same what is to be done.
func TestAFreshSchedulerOnATruncatedLog(t *testing.T) {
	const tasks, parallel = 1000, 16
	logs := scheduler.LogConfig{
		SnapshotEvents: 100, SnapshotInterval: 200 * time.Millisecond, History: time.Nanosecond,
		PayloadBytes: 1, // Payloads are read from the log again.
	}
	cfg := Config{DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Logs: logs}
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop, c := echo(t, s), connect(t, s)
	if _, err := c.Submit(t.Context(), client.Task{ID: "stuck", Kind: "echo", Predicate: "engine.site == 'nowhere'"}); err != nil {
		t.Fatal(err)
	}
	var group errgroup.Group
	group.SetLimit(parallel)
	for i := range tasks {
		group.Go(func() error {
			payload := fmt.Appendf(nil, "payload %d", i)
			r, err := c.Do(t.Context(), client.Task{ID: events.TaskID(fmt.Sprint("t", i)), Kind: "echo", Payload: payload})
			if err == nil && !bytes.Equal(r.Data, payload) {
				err = fmt.Errorf("task %d returned %q", i, r.Data)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Submit(t.Context(), client.Task{ID: "later", Kind: "echo", Payload: []byte("kept in the log"), Predicate: "engine.labels.later == true"}); err != nil {
		t.Fatal(err)
	}
	topics := events.Topics{Prefix: events.DefaultPrefix}
	partition := events.PoolPartition(events.DefaultPool)
	deleted := awaitDeleted(t, c, tasks)
	held, err := query.New(query.Config{Logs: s.Cluster()}).SnapshotsOf(t.Context(), topics.Events(), partition)
	if err != nil || len(held) == 0 {
		t.Fatalf("snapshots: %v, %v", held, err)
	}
	stop()
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	s.Stop()

	began := time.Now()
	if s, err = Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	took := time.Since(began)
	defer echo(t, s)()
	c = connect(t, s)
	defer func() { _ = c.Close(t.Context()) }()
	start, end, err := c.Offsets(t.Context(), topics.Events(), partition)
	if err != nil || start < deleted {
		t.Fatalf("the log begins at %d, %v; it was deleted below %d", start, err, deleted)
	}
	t.Logf("log [%d, %d) after %d tasks; state kept: %d bytes (hash %016x) at %d; a fresh system was ready after %v",
		start, end, tasks, held[0].Bytes, held[0].Hash, held[0].Offset, took.Round(time.Millisecond))
	afterwards(t, c, query.New(query.Config{Logs: s.Cluster()}))
}

// awaitDeleted runs tasks until most of the log and of its inputs was deleted.
func awaitDeleted(t *testing.T, c *client.Client, tasks int64) int64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for {
		if _, err := c.Do(ctx, client.Task{Kind: "echo"}); err != nil {
			t.Fatalf("the log was not truncated: %v", err)
		}
		least := int64(0)
		for _, topic := range []string{c.Topics().Events(), c.Topics().Requests(), c.Topics().Reports()} {
			start, _, err := c.Offsets(ctx, topic, events.PoolPartition(events.DefaultPool))
			if err != nil {
				t.Fatal(err)
			}
			if topic == c.Topics().Events() {
				least = start
			} else if start < tasks/2 {
				least = 0
				break
			}
		}
		if least > tasks {
			return least
		}
	}
}

// afterwards: old tasks are known, waiting ones still wait, new ones are done.
func afterwards(t *testing.T, c *client.Client, q *query.Querier) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for _, id := range []events.TaskID{"stuck", "later"} {
		status, _, err := q.Task(ctx, events.DefaultPool, id)
		if err != nil || status.State != string(client.Pending) || status.Kind != "echo" {
			t.Errorf("task %s: %+v, %v; want it pending", id, status, err)
		}
		if x, err := q.Why(ctx, events.DefaultPool, id); err != nil || x.State != "pending" {
			t.Errorf("why %s: %+v, %v", id, x, err)
		}
	}
	if r, err := c.Do(ctx, client.Task{Kind: "echo", Payload: []byte("new")}); err != nil || string(r.Data) != "new" {
		t.Errorf("a new task: %+v, %v", r, err)
	}
	var refused *client.Refused
	if _, _, err := q.Task(ctx, events.DefaultPool, "t0"); !errors.As(err, &refused) || refused.Code != events.CodeUnknownTask || !strings.Contains(refused.Message, "ended at offset") {
		t.Errorf("a task whose end was deleted: %v", err)
	}
	brief, stop := context.WithTimeout(ctx, time.Second)
	defer stop()
	if _, err := c.Wait(brief, events.DefaultPool, "t0"); !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "does not tell") {
		t.Errorf("waiting for a task whose end was deleted: %v", err)
	}
	engines, _, err := q.Engines(ctx, events.DefaultPool)
	if err != nil || len(engines) != 1 || engines[0].State != query.EngineReady {
		t.Errorf("engines: %v, %v", engines, err)
	}
}
