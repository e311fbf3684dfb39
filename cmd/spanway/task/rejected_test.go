package task

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// A task that only the scheduler could refuse, because its producer checks
// nothing, is there to be seen with the reason.
func TestARejectedTaskIsShown(t *testing.T) {
	s := clitest.Start(t, 0)
	k := kafka.New(kafka.Config{Brokers: s.Brokers()})
	defer k.Close()
	request := events.Record{Key: []byte("default"), Value: []byte(`{"taskId":"bad","kind":"noop","predicate":"1 + 1"}`), Headers: []events.Header{
		{Key: events.HeaderSpecVersion, Value: []byte("1.0")}, {Key: events.HeaderID, Value: []byte("7")},
		{Key: events.HeaderSource, Value: []byte("/kcat")}, {Key: events.HeaderType, Value: []byte(events.TypeTaskRequested)},
		{Key: events.HeaderContentType, Value: []byte(events.ContentJSON)},
	}}
	topics := events.Topics{Prefix: events.DefaultPrefix}
	if _, err := k.Partition(topics.Requests(), events.PoolPartition(events.DefaultPool)).Append(t.Context(), []events.Record{request}); err != nil {
		t.Fatal(err)
	}
	// Requests of a partition are decided in their order, so this one is by now.
	if _, stderr, code := program.Call(t.Context(), "", "task", "cancel", "absent", "--brokers", s.Brokers()[0]); code != cli.ExitRefused {
		t.Fatalf("the barrier ended with %d: %s", code, stderr)
	}
	out, stderr, code := program.Call(t.Context(), "", "task", "show", "bad", "--brokers", s.Brokers()[0])
	for _, want := range []string{"task bad  REJECTED  pool default", "BAD_PREDICATE: line 1, column 1", "task.rejected", "as of spanway.tasks.events/"} {
		if code != cli.ExitDone || !strings.Contains(out, want) {
			t.Errorf("task show ends with %d (%s); want %q in\n%s", code, stderr, want, out)
		}
	}
	out, _, _ = program.Call(t.Context(), "", "task", "show", "bad", "-o", "json", "--brokers", s.Brokers()[0])
	if !strings.Contains(out, `"state":"rejected"`) || !strings.Contains(out, `"code":"BAD_PREDICATE"`) {
		t.Errorf("task show -o json prints %s", out)
	}
	if _, stderr, code = program.Call(t.Context(), "", "task", "watch", "bad", "--brokers", s.Brokers()[0]); code != cli.ExitRefused || !strings.Contains(stderr, "BAD_PREDICATE") {
		t.Errorf("task watch ends with %d: %s; want 1 and the reason", code, stderr)
	}
}
