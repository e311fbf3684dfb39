package log

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// What no program of ours would write is shown where it went.
func TestDeadLettersAreListed(t *testing.T) {
	s := clitest.Start(t, 0)
	topics := events.Topics{Prefix: events.DefaultPrefix}
	k := kafka.New(kafka.Config{Brokers: s.Brokers()})
	defer k.Close()
	at := events.PoolPartition(events.DefaultPool)
	garbage := events.Record{Key: []byte(events.DefaultPool), Value: []byte("\xff\xfe no envelope")}
	offset, err := k.Partition(topics.Requests(), at).Append(t.Context(), []events.Record{garbage})
	if err != nil {
		t.Fatal(err)
	}
	// Requests of a partition are decided in their order, so the garbage is by now.
	if _, stderr, code := program.Call(t.Context(), "", "task", "cancel", "absent", "--brokers", s.Brokers()[0]); code != cli.ExitRefused {
		t.Fatalf("the barrier ended with %d: %s", code, stderr)
	}
	if _, err := k.Partition(topics.DeadLetters(), 0).Fetch(t.Context(), 0, 60e9); err != nil { // Until it is there.
		t.Fatal(err)
	}
	out, stderr, code := program.Call(t.Context(), "", "log", "dead", "-o", "json", "--brokers", s.Brokers()[0])
	if code != cli.ExitDone {
		t.Fatalf("log dead ends with %d: %s", code, stderr)
	}
	var v deadView
	if err := json.Unmarshal([]byte(out), &v); err != nil {
		t.Fatalf("log dead prints %q: %v", out, err)
	}
	want := place(&events.Source{Topic: topics.Requests(), Partition: at, Offset: offset})
	if v.Code != string(events.CodeBadEnvelope) || v.Source != want {
		t.Errorf("log dead prints %+v; want BAD_ENVELOPE of %s", v, want)
	}
	// It had no time either.
	from := fmt.Sprintf("tasks.requests/%d@%d", at, offset)
	out, _, _ = program.Call(t.Context(), "", "log", "tail", from, "-o", "json", "--brokers", s.Brokers()[0])
	if first, second, _ := strings.Cut(out, "\n"); strings.Contains(first, "timestamp") || !strings.Contains(second, "timestamp") {
		t.Errorf("log tail prints\n%s\nwant no time of the first, and that of the command after it", out)
	}
	if out, _, _ = program.Call(t.Context(), "", "log", "tail", from, "--brokers", s.Brokers()[0]); !strings.Contains(out, fmt.Sprintf("@%d - ", offset)) {
		t.Errorf("log tail prints %q; want - for the time", out)
	}
	if err := k.Create(t.Context(), events.TopicSpec{Name: "partial.tasks.events", Partitions: 16}); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{{}, {"--replay", "--all"}} { // Where there is no topic of them.
		args = append([]string{"log", "dead", "--prefix", "partial.", "--brokers", s.Brokers()[0]}, args...)
		if _, stderr, code := program.Call(t.Context(), "", args...); code != cli.ExitUsage || !strings.Contains(stderr, `there is no topic "partial.deadletter"; see "spanway log list"`) {
			t.Errorf("%q ends with %d: %s", args, code, stderr)
		}
	}
	out, _, _ = program.Call(t.Context(), "", "log", "dead", "--brokers", s.Brokers()[0])
	if !strings.Contains(out, "BAD_ENVELOPE") || !strings.Contains(out, want) {
		t.Errorf("as a table:\n%s", out)
	}
}

// The end of what is in the log is judged, and what does not count is marked.
func TestTailMarksWhatDoesNotCount(t *testing.T) {
	s := clitest.Start(t, 0)
	topics := events.Topics{Prefix: events.DefaultPrefix}
	k := kafka.New(kafka.Config{Brokers: s.Brokers()})
	defer k.Close()
	zombie, err := events.Encoder{Source: "/zombie"}.Encode("z", &events.TaskSucceeded{TaskId: "t", Pool: "p"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Partition(topics.Events(), 0).Append(t.Context(), []events.Record{zombie}); err != nil {
		t.Fatal(err)
	}
	out, stderr, code := program.Call(t.Context(), "", "log", "tail", "tasks.events/0", "--from-start", "-o", "json", "--brokers", s.Brokers()[0])
	if code != cli.ExitDone {
		t.Fatalf("log tail ends with %d: %s", code, stderr)
	}
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if len(lines) < 2 || !strings.Contains(lines[0], `"counts":true`) || !strings.Contains(lines[len(lines)-1], `"counts":false`) {
		t.Errorf("log tail prints\n%s\nwant the claim to count and the zombie's record not to", out)
	}
	if _, stderr, code = program.Call(t.Context(), "", "log", "tail", "tasks.events/0@99999", "--brokers", s.Brokers()[0]); code != cli.ExitRefused || !strings.Contains(stderr, "NO_RECORD: read spanway.tasks.events/0@99999: the partition ends at ") {
		t.Errorf("behind the end it ends with %d: %s", code, stderr)
	}
}
