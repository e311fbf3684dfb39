package link

import (
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
)

// A source that was deleted before all of it was copied is no "no error": what is gone is told.
func TestWhatADeletedSourceTookAlong(t *testing.T) {
	l := &replication.Link{Spec: links.Spec{Name: "in"}}
	report := func(partition int32, next, end int64) *events.ReplicationCopyReported {
		return &events.ReplicationCopyReported{Link: "in", Topic: "orders", TargetTopic: "orders", Partition: partition, State: sourceDeleted, Next: next, SourceEnd: end, SinceMs: 1}
	}
	status := &replication.Status{Copies: []*events.ReplicationCopyReported{report(0, 5, 5), report(1, 26, 100), report(2, 7, 8)}}
	all := deletedOf(l, status)
	if len(all) != 1 || all[0].NotCopied != 75 || all[0].Partitions != 3 || strings.Contains(all[0].Remedy, "no error") {
		t.Errorf("it tells %+v", all)
	}
	copies := viewCopies(l, status, 2)
	if c := copies[1]; c.Lag == nil || *c.Lag != 0 || c.SourceEnd != 100 || !strings.Contains(c.Remedy, "offsets 26 to 99 were not copied") {
		t.Errorf("of partition 1 it tells %+v", c)
	}
	if c := copies[0]; !strings.HasPrefix(c.Remedy, "no error") {
		t.Errorf("of partition 0 it tells %q", c.Remedy)
	}
}
