package run

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/scheduler"
)

// mirrorPrefix is that of the copies of the logs of ams.
const mirrorPrefix = "ams." + events.DefaultPrefix

// The tasks of a site are the same at another site, to which its log was copied after its
// beginning had been deleted; no scheduler there claims the copy.
func TestTasksAreTheSameAtAMirror(t *testing.T) {
	defer goleak.VerifyNone(t)
	logs := scheduler.LogConfig{SnapshotEvents: 30, SnapshotInterval: 200 * time.Millisecond, History: time.Nanosecond}
	s := startSites(t, Config{Engines: 1, Logs: logs})
	defer s.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	ams, fra := s.sites[0].cluster, s.sites[1].cluster
	c := at(t, s, "ams")
	defer func() { _ = c.Close(ctx) }()
	if _, err := c.Submit(ctx, client.Task{ID: "stuck", Kind: "noop", Predicate: "engine.site == 'nowhere'"}); err != nil {
		t.Fatal(err)
	}
	truncated(ctx, t, c)
	mirror(ctx, t, fra)
	here := query.New(query.Config{Logs: ams})
	there := query.New(query.Config{Logs: fra, Prefix: mirrorPrefix})
	sameTasks(ctx, t, fra, here, there)
	for i := range 5 { // What comes now is copied as it comes.
		if _, err := c.Do(ctx, client.Task{ID: events.TaskID(fmt.Sprint("later", i)), Kind: "noop"}); err != nil {
			t.Fatal(err)
		}
	}
	sameTasks(ctx, t, fra, here, there)
	x, err := there.Why(ctx, events.DefaultPool, "stuck")
	if err != nil || x.Reason == "" {
		t.Errorf("why the task waits, at the mirror: %+v, %v", x, err)
	}
	if _, _, err := there.Task(ctx, events.DefaultPool, "unknown"); err == nil {
		t.Error("the mirror knows a task that nobody submitted")
	}
	unclaimed(ctx, t, fra)
	sameTasks(ctx, t, fra, here, there)
}

// truncated runs tasks until the beginning of their log is deleted.
func truncated(ctx context.Context, t *testing.T, c *client.Client) {
	t.Helper()
	topic, partition := events.Topics{Prefix: events.DefaultPrefix}.Events(), events.PoolPartition(events.DefaultPool)
	for i := 0; ; i++ {
		if _, err := c.Do(ctx, client.Task{ID: events.TaskID(fmt.Sprint("t", i)), Kind: "noop"}); err != nil {
			t.Fatal(err)
		}
		if start, _, err := c.Offsets(ctx, topic, partition); err != nil {
			t.Fatal(err)
		} else if start > 0 && i > 20 {
			return
		}
	}
}

// mirror has a site copy the log of tasks of ams, with its snapshots.
func mirror(ctx context.Context, t *testing.T, fra *cluster.Cluster) {
	t.Helper()
	site, err := replication.Open(ctx, fra, replication.Options{Brief: true, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = site.Close() }()
	spec := replication.Spec{Name: "tasks", Source: "ams", Include: []string{`spanway\.tasks\.events(\.snapshots)?`}, Prefix: "ams."}
	spec.On.Overtaken = links.GoOn // The log is truncated all the time; its snapshots have what was deleted.
	if _, err := site.Apply(ctx, spec, replication.Any); err != nil {
		t.Fatal(err)
	}
	topics := events.Topics{Prefix: mirrorPrefix}
	for _, topic := range []string{topics.Events(), events.Snapshots(topics.Events())} {
		if _, err := fra.Kafka().AwaitTopic(ctx, topic); err != nil {
			t.Fatal(err)
		}
	}
}

// sameTasks waits until a mirror has come to where its source is, and compares what both
// answer, to the offset.
func sameTasks(ctx context.Context, t *testing.T, fra *cluster.Cluster, here, there *query.Querier) {
	t.Helper()
	var want, got string
	for try := 0; ctx.Err() == nil; try++ {
		source, copied := listed(ctx, here), listed(ctx, there)
		if ctx.Err() != nil { // That they were cut off tells nothing.
			break
		}
		want, got = source, copied
		if want == got && strings.Contains(want, "stuck") {
			return
		}
		<-time.After(50 * time.Millisecond) // Nothing tells when.
	}
	stands, err := replication.ReadStatus(t.Context(), fra, "")
	t.Fatalf("the mirror answers\n%s\nthe source\n%s\nits copies stand so: %+v (%v)", got, want, stands, err)
}

// listed is what a list of tasks answers.
func listed(ctx context.Context, q *query.Querier) string {
	all, err := q.Tasks(ctx, query.TaskQuery{Pool: events.DefaultPool})
	if err != nil {
		return err.Error()
	}
	for i := range all {
		all[i].AtMs, all[i].Decided = 0, 0
	}
	text, err := json.Marshal(all)
	if err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(string(text), mirrorPrefix, events.DefaultPrefix)
}

// unclaimed starts a scheduler on the copy, which must not claim it.
func unclaimed(ctx context.Context, t *testing.T, fra *cluster.Cluster) {
	t.Helper()
	cfg := scheduler.DefaultConfig()
	cfg.Prefix = mirrorPrefix
	owner, err := scheduler.New(cfg, scheduler.Deps{Cluster: fra, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	running, stop := context.WithCancel(ctx)
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- owner.Run(running) }()
	var copied *eventlog.ReadOnlyError
	select {
	case <-owner.Ready():
		t.Error("a scheduler is ready on a copy")
		stop()
		<-ended
	case err := <-ended:
		if !errors.As(err, &copied) {
			t.Errorf("the scheduler on a copy ended: %v", err)
		}
	}
}
