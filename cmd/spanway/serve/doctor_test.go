package serve

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/store"
)

// What the doctor finds decides its exit code; as JSON each finding is one object.
func TestDoctor(t *testing.T) {
	s := clitest.Start(t, 1)
	brokers := s.Brokers()[0]
	run := func(want int, args ...string) (out, text string) {
		t.Helper()
		out, text, code := program.Call(t.Context(), "", append([]string{"doctor", "--brokers", brokers, "--listen", "0"}, args...)...)
		if code != want {
			t.Fatalf("%q: exit code %d, want %d: %s%s", args, code, want, out, text)
		}
		return out, text
	}
	if out, _ := run(cli.ExitDone); !strings.Contains(out, "warning  kafka.brokers  cluster\n") || !strings.Contains(out, "\n0 problems, ") ||
		!strings.Contains(out, "topics.replicas  spanway.tasks.requests, spanway.tasks.events, spanway.tasks.events.snapshots and ") {
		t.Errorf("it says %s", out)
	}
	out, _ := run(cli.ExitDone, "--all", "--redis", s.Sites()[0].Redis, "-o", "json")
	checks := map[string]string{}
	for line := range strings.Lines(out) {
		var f findingView
		if err := json.Unmarshal([]byte(line), &f); err != nil || len(f.Subjects) == 0 || f.Text == "" {
			t.Fatalf("%q is not a finding: %v", line, err)
		}
		checks[f.Check] = f.Level
	}
	if checks["groups.members"] != "ok" || checks["redis.clock"] != "ok" || checks["kafka.brokers"] != "warning" {
		t.Errorf("it says %s", out)
	}
	if _, text := run(cli.ExitUsage, "--role", "boss"); !strings.Contains(text, "scheduler") {
		t.Errorf("of a role that there is not: %s", text)
	}
	c, err := cluster.Open(cluster.Config{Brokers: s.Brokers()})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "other.tasks.events", Partitions: 3}}); err != nil {
		t.Fatal(err)
	}
	out, text := run(cli.ExitRefused, "--prefix", "other.")
	if !strings.HasPrefix(out, "problem  topics.settings  other.tasks.events\n  it has 3 partitions and must have 16\n  do: ") || !strings.Contains(text, "problem was found") || !strings.Contains(out, "\n1 problem, ") {
		t.Errorf("of a topic that is wrong: %s%s", out, text)
	}
	var said bytes.Buffer // Of the library: what it says is a finding, said well.
	store.LogTo(slog.New(slog.NewTextHandler(&said, &slog.HandlerOptions{Level: slog.LevelDebug})))
	if out, text := run(cli.ExitRefused, "--redis", "127.0.0.1:1"); text != "spanway: 1 problem was found\n" || said.Len() != 0 {
		t.Errorf("without Redis: %s%s%s", out, text, said.String())
	}
	for _, args := range [][]string{{"--redis", ""}, {"--redis-tls"}, {"--data", "nowhere"}} { // Nothing would be looked at.
		if out, text := run(cli.ExitUsage, args...); out != "" || !strings.Contains(text, args[0]) && !strings.Contains(text, "--redis") {
			t.Errorf("%q: %s%s", args, out, text)
		}
	}
	s.Stop()
	if out, _ := run(cli.ExitUnavailable); !strings.HasPrefix(out, "problem  kafka.reach  brokers\n") {
		t.Errorf("without a broker: %s", out)
	}
}
