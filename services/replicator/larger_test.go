package replicator

import (
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/sitetest"
)

// A record that is larger than the target takes waits for the target to follow its source,
// which has been raised: it neither stops the copy nor becomes a dead letter.
func TestALargeRecordWaitsForItsSetting(t *testing.T) {
	all := places(t, "ams", "fra")
	ams, fra := all["ams"], all["fra"]
	fra.follow = time.Hour // Nothing else looks.
	fra.serve("one")
	large := "ams-" + strings.Repeat("x", 2<<20)
	for topic, policy := range map[string]links.Policy{"stops": links.Stop, "buries": links.GoOn} {
		ams.create(topic, 1)
		ams.write(topic, 0, 0, 5)
		fra.links.link(links.Spec{Name: topic, Source: "ams", Include: []string{topic}, On: links.Policies{Uncopyable: policy}})
		fra.has(topic, 0, values("ams", 5))
		if err := ams.cluster.Kafka().Set(t.Context(), topic, map[string]string{"max.message.bytes": "4000000"}); err != nil {
			t.Fatal(err)
		}
		sitetest.Append(t, ams.cluster, topic, 0, []string{large})
		ams.write(topic, 0, 5, 5)
		fra.has(topic, 0, append(append(values("ams", 5), large), values("ams", 10)[5:]...))
	}
	if n := fra.count(events.Topics{Prefix: events.DefaultPrefix}.DeadLetters(), 0); n != 0 {
		t.Errorf("there are %d dead letters", n)
	}
	table := fra.table(events.Topics{Prefix: events.DefaultPrefix}.ReplicationStatus())
	for key, m := range table() {
		if c, ok := m.(*events.ReplicationCopyReported); ok && (c.State == "stopped" || len(c.Incidents) > 0) {
			t.Errorf("%s: %v", key, c)
		}
	}
}
