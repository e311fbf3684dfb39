package log

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// TestLogReset: the beginning of a log is deleted behind everybody's back. Readers
// name the remedy, and after it everything goes on.
func TestLogReset(t *testing.T) {
	s := clitest.Start(t, 1)
	ctx, cancel := context.WithTimeout(t.Context(), 3*time.Minute)
	defer cancel()
	spanway := func(args ...string) (string, string, int) {
		return program.Call(ctx, "", append(args, "--brokers", s.Brokers()[0])...)
	}
	if _, stderr, code := spanway("task", "submit", "--kind", "noop", "--id", "before", "--wait"); code != 0 {
		t.Fatal(stderr)
	}
	c := kafka.New(kafka.Config{Brokers: s.Brokers()})
	defer c.Close()
	topic, partition := events.Topics{Prefix: events.DefaultPrefix}.Events(), events.PoolPartition(events.DefaultPool)
	_, end, err := c.Offsets(ctx, topic, partition)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.DeleteRecords(ctx, topic, partition, end-1); err != nil {
		t.Fatal(err)
	}
	_, stderr, code := spanway("task", "list", "--pool", "default")
	if code == 0 || !strings.Contains(stderr, fmt.Sprintf("spanway log reset %s/%d --accept-loss", topic, partition)) {
		t.Errorf("exit code %d, %q; want the remedy", code, stderr)
	}
	stdout, stderr, code := spanway("log", "reset", fmt.Sprintf("tasks.events/%d", partition), "--accept-loss", "--reason", "a test")
	if code != 0 || !strings.Contains(stdout, fmt.Sprintf("what came before %d is lost", end-1)) {
		t.Fatalf("exit code %d, %q, %q", code, stdout, stderr)
	}
	if _, stderr, code = spanway("log", "reset", fmt.Sprintf("tasks.events/%d", partition), "--accept-loss"); code != cli.ExitRefused || !strings.Contains(stderr, "NOT_LOST") {
		t.Errorf("a second time: exit code %d, %q", code, stderr)
	}
	stdout, stderr, code = spanway("task", "submit", "--kind", "noop", "--id", "after", "--wait")
	if code != 0 {
		t.Fatalf("after the reset: exit code %d, %q, %q", code, stdout, stderr)
	}
	stdout, stderr, code = spanway("task", "show", "after", "--pool", "default", "-o", "json")
	if code != 0 || !strings.Contains(stdout, `"succeeded"`) {
		t.Errorf("the task after the reset: exit code %d, %q, %q", code, stdout, stderr)
	}
}
