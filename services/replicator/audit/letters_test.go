package audit

import (
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// What the replicator has buried is not missing, and what it has buried of others is.
func TestDeadLetters(t *testing.T) {
	ams, fra := twoSites(t)
	ctx := limited(t)
	if _, err := fra.Ensure(ctx, []events.TopicSpec{{Name: "dead", Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	letters := copying.NewLetters(fra.Kafka(), "dead", "/spanway/replicator")
	for i := int64(3); i < 100; i += 10 {
		origin := events.Origin{ClusterPartition: events.ClusterPartition{Cluster: "ams", Topic: "orders", Partition: 1}, Offset: i}
		if i == 93 {
			origin.Cluster = "tok"
		}
		if err := letters.Bury(ctx, origin, record(i), mirror.Uncopyable); err != nil {
			t.Fatal(err)
		}
	}
	p, err := Open(ctx, Config{Source: ams, Target: fra, SourceTopic: "orders", TargetTopic: "orders", Letters: "dead"})
	if err != nil {
		t.Fatal(err)
	}
	if r, err := p.Partition(ctx, 1); err != nil || r.Uncopyable != 9 || r.Wrong != (compare.Wrong{compare.Missing: 1}) || r.First[0].Source != 93 {
		t.Errorf("%+v, %v", r, err)
	}
}
