package log

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/cmd/spanway/clitest"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// What a Watermill router could not handle is listed beside the rest, and is not
// replayed to where it did not come from.
func TestPoisonIsListed(t *testing.T) {
	m := newMorgue(t, clitest.Start(t, 1))
	letter := events.Record{Value: []byte("an order")}
	for _, h := range [][2]string{
		{"_watermill_message_uuid", "1"}, {"reason_poisoned", "no ink"}, {"topic_poisoned", "orders"},
		{"partition_poisoned", "3"}, {"offset_poisoned", "17"},
	} {
		letter.Headers = append(letter.Headers, events.Header{Key: h[0], Value: []byte(h[1])})
	}
	if _, err := m.k.Partition(m.topics.DeadLetters(), 0).Append(t.Context(), []events.Record{letter}); err != nil {
		t.Fatal(err)
	}
	want := deadView{Code: "POISONED", Message: "no ink", Source: "orders/3@17"}
	var got deadView
	if err := json.Unmarshal([]byte(m.call(cli.ExitDone, "log", "dead", "-o", "json")), &got); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(deadView{}), cmpopts.IgnoreFields(deadView{}, "At")); diff != "" {
		t.Error(diff)
	}
	if v, _ := m.runReplay(cli.ExitRefused, "--all"); v[0].Refused == nil || v[0].Refused.Code != string(client.CodePoisoned) {
		t.Errorf("replayed: %+v", v[0])
	}
}

// The commands of the run-book "a poisoned partition" in docs/operations.md do what it says: what
// cannot be decoded stops nothing, neither in the inputs nor in the log, and shows where it says.
func TestTheRunBookOfAPoisonedPartition(t *testing.T) {
	m := newMorgue(t, clitest.Start(t, 1))
	m.call(cli.ExitDone, "task", "submit", "--kind", "noop", "--id", "before", "--wait")
	at, offsets := events.PoolPartition(events.DefaultPool), map[string]int64{}
	for _, topic := range []string{m.topics.Requests(), m.topics.Events()} {
		var err error
		offsets[topic], err = m.k.Partition(topic, at).Append(t.Context(), []events.Record{{Key: []byte(events.DefaultPool), Value: []byte("\xff\xfe poison")}})
		if err != nil {
			t.Fatal(err)
		}
	}
	m.call(cli.ExitDone, "task", "submit", "--kind", "noop", "--id", "after", "--wait")
	m.await(1)
	source := place(&events.Source{Topic: m.topics.Requests(), Partition: at, Offset: offsets[m.topics.Requests()]})
	if out := m.call(cli.ExitDone, "log", "dead"); !strings.Contains(out, source) {
		t.Errorf("log dead lacks %s:\n%s", source, out)
	}
	poison := fmt.Sprintf("tasks.events/%d@%d", at, offsets[m.topics.Events()])
	first, rest, _ := strings.Cut(m.call(cli.ExitDone, "log", "tail", poison, "-n", "5", "-o", "json"), "\n")
	if !strings.Contains(first, `"counts":false`) || !strings.Contains(rest, `"counts":true`) {
		t.Errorf("log tail %s prints\n%s\n%s\nwant the first record not to count, and others to", poison, first, rest)
	}
	if first, _, _ := strings.Cut(m.call(cli.ExitDone, "log", "tail", poison, "-n", "5"), "\n"); !strings.HasPrefix(first, "x") {
		t.Errorf("log tail %s prints %q, want it to begin with x", poison, first)
	}
	m.call(cli.ExitDone, "task", "submit", "--kind", "bad", "--id", "behind")
	m.call(cli.ExitDone, "task", "cancel", "behind")
}
