package link

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
	"github.com/spanway/spanway/pkg/replication/links"
)

// What a link has lost is told with the link: each loss once, of a day, and that a number is not
// known where it is not.
func TestWhatALinkHasLost(t *testing.T) {
	const now = int64(100 * 3600 * 1000)
	incident := func(reason string, offset, lost int64, unknown bool, age int64) *events.ReplicationIncident {
		return &events.ReplicationIncident{Reason: reason, Offset: offset, Lost: lost, LostUnknown: unknown, AtMs: now - age}
	}
	copyOf := func(link string, partition int32, all ...*events.ReplicationIncident) *events.ReplicationCopyReported {
		return &events.ReplicationCopyReported{Link: link, Topic: "orders", TargetTopic: "orders", Partition: partition, Incidents: all}
	}
	status := &replication.Status{Copies: []*events.ReplicationCopyReported{
		copyOf("in", 0, incident("source_changed", 0, 74, false, 9), incident("source_changed", 0, 74, false, 5), incident("foreign_writer", 3, 0, false, 4)),
		copyOf("in", 1, incident("source_changed", 0, 0, true, 5), incident("overtaken", 7, 3, false, 5), incident("overtaken", 20, 4, false, 5)),
		copyOf("in", 2, incident("overtaken", 7, 100, false, 25*3600*1000)),
		copyOf("out", 0, incident("overtaken", 7, 100, false, 5)),
	}}
	views := viewLink(replication.Link{Spec: links.Spec{Name: "in"}}, status, now).Losses
	slices.SortFunc(views, func(a, b lossView) int { return strings.Compare(a.Reason, b.Reason) })
	want := []lossView{{"orders", "overtaken", 7, 0, 1}, {"orders", "source_changed", 74, 1, 2}}
	if !reflect.DeepEqual(views, want) {
		t.Errorf("%+v, want %+v", views, want)
	}
	for want, of := range map[string]incidentView{
		"":                {Reason: "foreign_writer"},
		", 3 lost":        {Reason: "overtaken", Lost: 3},
		", at least 74 l": {Reason: "source_changed", Lost: 74},
		", how many":      {Reason: "source_changed", LostUnknown: true},
	} {
		if got := of.lost(); !strings.HasPrefix(got, want) || want == "" && got != "" {
			t.Errorf("%q, want %q", got, want)
		}
	}
}
