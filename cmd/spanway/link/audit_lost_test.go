package link

import (
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
)

// What was lost before it was copied is in neither side. An audit says so, however long ago it was
// lost, and one of the whole does not pass.
func TestAnAuditTellsWhatWasLost(t *testing.T) {
	ams, fra, config := sites(t) // The record at offset 3 was not copied.
	if err := ams.Kafka().DeleteRecords(t.Context(), "orders", 0, 5); err != nil {
		t.Fatal(err)
	}
	topics := events.Topics{Prefix: events.DefaultPrefix}
	if _, err := fra.Ensure(t.Context(), events.Specs(topics.ReplicationLogs())); err != nil {
		t.Fatal(err)
	}
	report := &events.ReplicationCopyReported{
		Link: "all", Topic: "orders", TargetTopic: "orders", State: "delta", AtMs: time.Now().UnixMilli(),
		Incidents: []*events.ReplicationIncident{{Reason: "overtaken", Offset: 5, Lost: 1, AtMs: time.Now().Add(-72 * time.Hour).UnixMilli()}},
	}
	r, err := events.Encoder{Source: "/test"}.Encode("all", report)
	if err != nil {
		t.Fatal(err)
	}
	r.Key = []byte("all@orders/0")
	if _, err := fra.Partition(topics.ReplicationStatus(), 0).Append(t.Context(), []events.Record{r}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		line string
		code int
		says []string
	}{
		{"link apply all --source ams --include orders", cli.ExitDone, nil},
		{"link audit all --topic orders", cli.ExitDone, []string{"equal", "LOST", "  1\n", "orders/0: 4 copies are of what the source has deleted since, and not compared"}},
		{"link audit all --topic orders -o json", cli.ExitDone, []string{`"gone":4,"lost":1,"lost_unknown":false`}},
		{"link audit all --topic orders --whole", cli.ExitRefused, []string{"equal", "COPY_DIFFERS: 1 partition lacks records that were lost before they were copied"}},
	} {
		stdout, stderr, code := program.Call(t.Context(), "", append(strings.Fields(c.line), "--config", config)...)
		if code != c.code {
			t.Errorf("%s ends with %d", c.line, code)
		}
		for _, part := range c.says {
			if !strings.Contains(stdout+stderr, part) {
				t.Errorf("%s does not say %q: %s%s", c.line, part, stdout, stderr)
			}
		}
	}
}
