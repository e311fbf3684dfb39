package log

import (
	"encoding/json"
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
