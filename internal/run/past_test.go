package run

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/internal/replay"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// TestThePastOfATruncatedLog: answers reach back to the oldest snapshot that the
// log can be folded from; what is before is refused, with where they begin.
func TestThePastOfATruncatedLog(t *testing.T) {
	const tasks = 200
	cfg := Config{DataDir: t.TempDir(), Logger: slog.New(slog.DiscardHandler), Logs: scheduler.LogConfig{
		SnapshotEvents: 100, SnapshotInterval: 200 * time.Millisecond, History: time.Nanosecond,
	}}
	s, err := Start(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	stop, c := echo(t, s), connect(t, s)
	if _, err := c.Submit(t.Context(), client.Task{ID: "stuck", Kind: "echo", Predicate: "engine.site == 'nowhere'"}); err != nil {
		t.Fatal(err)
	}
	for i := range tasks {
		if _, err := c.Do(t.Context(), client.Task{ID: events.TaskID(fmt.Sprint("t", i)), Kind: "echo"}); err != nil {
			t.Fatal(err)
		}
	}
	awaitDeleted(t, c, tasks)
	stop()
	if err := c.Close(t.Context()); err != nil {
		t.Error(err)
	}
	s.Stop()

	cfg.Logs = scheduler.LogConfig{} // From here on nothing is deleted.
	if s, err = Start(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	c = connect(t, s)
	defer func() { _ = c.Close(t.Context()) }()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	q := query.New(query.Config{Logs: s.Cluster()})
	askThePast(ctx, t, c, q)
	replayWhatIsLeft(ctx, t, q)
}

func askThePast(ctx context.Context, t *testing.T, c *client.Client, q *query.Querier) {
	t.Helper()
	partition := events.PoolPartition(events.DefaultPool)
	start, end, err := c.Offsets(ctx, c.Topics().Events(), partition)
	if err != nil || start == 0 {
		t.Fatalf("the log begins at %d, %v", start, err)
	}
	oldest, oldestMs := oldestKept(ctx, t, q, partition)
	for _, n := range []int64{oldest, (oldest + end) / 2, end} {
		at := query.AtOffset(n)
		x, err := q.Why(ctx, events.DefaultPool, "stuck", at)
		if err != nil || x.Offset != n || x.State != "pending" || x.Reason == "" {
			t.Errorf("why at %d: %+v, %v", n, x, err)
		}
		status, l, err := q.Task(ctx, events.DefaultPool, "stuck", at)
		if err != nil || status.State != string(client.Pending) || l.AsOf.Offset != n {
			t.Errorf("the task at %d: %+v as of %v, %v", n, status, l.AsOf, err)
		}
		if _, err := q.Engine(ctx, events.DefaultPool, "echo", at); err != nil {
			t.Errorf("the engine at %d: %v", n, err)
		}
	}
	if _, err := q.Why(ctx, events.DefaultPool, "stuck", query.AtTime(time.UnixMilli(oldestMs))); err != nil {
		t.Errorf("at the time of the oldest snapshot: %v", err)
	}
	for _, at := range []query.At{query.AtOffset(start - 1), query.AtOffset(oldest - 1), query.AtTime(time.UnixMilli(oldestMs).Add(-time.Minute))} {
		_, whyErr := q.Why(ctx, events.DefaultPool, "stuck", at)
		_, _, taskErr := q.Task(ctx, events.DefaultPool, "stuck", at)
		_, engineErr := q.Engine(ctx, events.DefaultPool, "echo", at)
		for _, err := range []error{whyErr, taskErr, engineErr} {
			if refused := (&client.Refused{}); !errors.As(err, &refused) || refused.Code != query.CodeNoHistory {
				t.Errorf("at %v: %v, want NO_HISTORY", at, err)
			}
		}
	}
}

// oldestKept is the older of the two snapshots that housekeeping leaves. A third may
// stand before them until the owner has looked, which it does soon after it began.
func oldestKept(ctx context.Context, t *testing.T, q *query.Querier, partition int32) (offset, atMs int64) {
	t.Helper()
	look := time.NewTicker(50 * time.Millisecond)
	defer look.Stop()
	for {
		held, err := q.SnapshotsOf(ctx, events.Topics{Prefix: events.DefaultPrefix}.Events(), partition)
		if err != nil {
			t.Fatal(err)
		}
		held = slices.DeleteFunc(held, func(s query.SnapshotInfo) bool { return !s.Usable })
		if n := len(held); n == 1 || n == 2 {
			return held[n-1].Offset, held[n-1].AtMs // The newest is the first.
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			t.Fatalf("the usable snapshots are %v, want two", held)
		}
	}
}

// replayWhatIsLeft: the engines come from the snapshot, the requests from the log.
func replayWhatIsLeft(ctx context.Context, t *testing.T, q *query.Querier) {
	t.Helper()
	var r *replay.Recorder
	_, err := q.Events(ctx, events.DefaultPool, func(before *placement.State) func(events.Logged) {
		r = replay.NewRecorder(events.DefaultPool, replay.Window{})
		if before == nil {
			t.Error("the log is whole")
			return r.Apply
		}
		r.Begin(before)
		return r.Apply
	})
	if err != nil {
		t.Fatal(err)
	}
	report, err := replay.Compare(r.Recording(), replay.Scenario{})
	if err != nil || report.Tasks == 0 || report.LeftOut == 0 || report.Baseline.Succeeded != report.Tasks || report.Baseline.Engines[0].ID != "echo" {
		t.Errorf("%+v, %v", report, err)
	}
}
