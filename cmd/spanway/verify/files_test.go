package verify

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/ids"
	"github.com/spanway/spanway/pkg/queue"
)

// Logs are judged in the files of a broker that has stopped as they were by the broker.
func TestVerifyReadsFiles(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 2*time.Minute)
	defer stop()
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	s, err := run.Start(ctx, run.Config{DataDir: dir, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	stopped := false
	defer func() {
		if !stopped {
			s.Stop()
		}
	}()
	brokers := s.Brokers()
	clitest.Answers(t, brokers...)
	fill(ctx, t, brokers, quiet)
	want, stderr, code := program.Call(ctx, "", "verify", "-o", "json", "--brokers", brokers[0])
	if code != cli.ExitDone {
		t.Fatalf("verify of the broker ends with %d:\n%s%s", code, want, stderr)
	}
	s.Stop()
	stopped = true
	got, stderr, code := program.Call(ctx, "", "verify", "-o", "json", "--segments", dir)
	if code != cli.ExitDone || got != want {
		t.Fatalf("verify of the files ends with %d and prints\n%s%s\nof the broker it was\n%s", code, got, stderr, want)
	}
	leaveAsKilled(t, dir)
	if got, stderr, code = program.Call(ctx, "", "verify", "-o", "json", "--segments", dir); code != cli.ExitDone || got != want {
		t.Fatalf("verify of the files of a killed broker ends with %d and prints\n%s%s\nof the broker it was\n%s", code, got, stderr, want)
	}
	for _, rule := range []string{`"G8"`, `"G9"`} {
		if !strings.Contains(got, rule) {
			t.Errorf("%s was not judged: %s", rule, got)
		}
	}
	name := filepath.Join(dir, "partitions", "spanway.queue.orders-0", "0.dat")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	data[len(data)-1] ^= 1
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, stderr, code = program.Call(ctx, "", "verify", "--segments", dir); code == cli.ExitDone || !strings.Contains(stderr, "0.dat at byte") {
		t.Errorf("verify of a spoiled file ends with %d:\n%s%s", code, got, stderr)
	}
	if got, stderr, code = program.Call(ctx, "", "verify", "--segments", t.TempDir()); code != cli.ExitUsage || !strings.Contains(stderr, "log.dirs") {
		t.Errorf("verify of nothing ends with %d:\n%s%s", code, got, stderr)
	}
}

// leaveAsKilled takes away what an embedded broker writes only when it stops in order: what
// it says of each partition, and the directories of those without a record.
func leaveAsKilled(t *testing.T, dir string) {
	t.Helper()
	all, err := filepath.Glob(filepath.Join(dir, "partitions", "*"))
	if err != nil {
		t.Fatal(err)
	}
	removed := 0
	for _, partition := range all {
		if err := os.Remove(filepath.Join(partition, "snapshot.json")); err != nil {
			t.Fatal(err)
		}
		if os.Remove(partition) == nil { // It was empty.
			removed++
		}
	}
	if removed == 0 {
		t.Fatalf("each of %d partitions has records", len(all))
	}
}

// fill puts entries into a queue and has identifiers granted.
func fill(ctx context.Context, t *testing.T, brokers []string, quiet *slog.Logger) {
	t.Helper()
	c, err := cluster.Open(cluster.Config{Brokers: brokers, Logger: quiet})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	options := queue.Options{Logger: quiet, Brief: true}
	if err := queue.Create(ctx, c, "orders", queue.Rules{}, options); err != nil {
		t.Fatal(err)
	}
	q, err := queue.Open(ctx, c, "orders", options)
	if err != nil {
		t.Fatal(err)
	}
	defer q.Close()
	for _, id := range []string{"a", "b"} {
		if _, err := q.Enqueue(ctx, queue.Item{ID: id}); err != nil {
			t.Fatal(err)
		}
	}
	asks, err := ids.New(ids.Config{Cluster: c})
	if err != nil {
		t.Fatal(err)
	}
	defer asks.Close()
	if err := asks.Create(ctx, ids.Rules{Space: "spi", From: 1, To: 100}); err != nil {
		t.Fatal(err)
	}
	if _, err := asks.Grant(ctx, ids.Want{Space: "spi", Count: 3}); err != nil {
		t.Fatal(err)
	}
}
