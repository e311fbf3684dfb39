package link

import (
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/sitetest"
)

// The groups of all topics of a link stand in one table.
func TestGroupsOfTwoTopics(t *testing.T) {
	ams, fra, config := sites(t)
	topics := events.Topics{Prefix: events.DefaultPrefix}
	if _, err := fra.Ensure(t.Context(), events.Specs(topics.ReplicationLogs())); err != nil {
		t.Fatal(err)
	}
	for _, c := range []*cluster.Cluster{ams, fra} {
		if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "payments", Partitions: 1}}); err != nil {
			t.Fatal(err)
		}
	}
	sitetest.Append(t, ams, "payments", 0, []string{"a"})
	call := func(line string) string {
		t.Helper()
		stdout, stderr, code := program.Call(t.Context(), "", append(strings.Fields(line), "--config", config)...)
		if code != cli.ExitDone {
			t.Fatalf("%s ends with %d: %s%s", line, code, stdout, stderr)
		}
		return stdout
	}
	call("link apply all --source ams --include .*")
	for _, topic := range []string{"orders", "payments"} {
		m := &events.ReplicationCopyReported{Link: "all", Topic: topic, TargetTopic: topic, State: "delta", AtMs: time.Now().UnixMilli()}
		r, err := events.Encoder{Source: "/test"}.Encode(topic, m)
		if err != nil {
			t.Fatal(err)
		}
		r.Key = []byte("all/" + topic + "/0")
		if _, err := fra.Partition(topics.ReplicationStatus(), 0).Append(t.Context(), []events.Record{r}); err != nil {
			t.Fatal(err)
		}
		if err := ams.Kafka().SetCommitted(t.Context(), "shop", topic, map[int32]int64{0: 1}); err != nil {
			t.Fatal(err)
		}
	}
	stdout := call("link groups all --group shop --commit")
	if strings.Count(stdout, "GROUP") != 1 || strings.Count(stdout, "shop") != 2 {
		t.Errorf("it prints\n%s", stdout)
	}
	if stdout = call("link groups all --group shop -o json"); strings.Count(stdout, "\n") != 2 {
		t.Errorf("it prints\n%s", stdout)
	}
}
