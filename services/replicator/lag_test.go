package replicator

import (
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication/links"
)

// A link that was failed over has no lag that matters, in reports and metrics: its source is
// not copied from any more. One that an operator has paused has.
func TestALinkThatWasFailedOverHasNoLag(t *testing.T) {
	st := &standing{}
	st.Link, st.Paused = "in", true
	st.report.Generation, st.report.Next, st.report.Paused = 1, 10, true
	st.end, st.endSeen = 477, time.Now()
	link := links.Link{Spec: links.Spec{Name: "in"}, Paused: true}
	told := func(failedOver bool) *events.ReplicationLinkReported {
		link.FailedOver = failedOver
		s := &status{name: "one", shares: map[string]*share{}, copies: map[string]*standing{"a": st}, linked: []links.Link{link}}
		if over := s.failedOver()["in"]; over != failedOver {
			t.Errorf("its metrics count it as failed over: %v", over)
		}
		return s.shareOf(&link, time.Now())
	}
	if m := told(false); m.Lag != 467 {
		t.Errorf("paused by an operator: %v", m)
	}
	if m := told(true); m.Lag != 0 || m.LagMs != 0 || m.LagUnknown != 0 || m.State != "paused" {
		t.Errorf("failed over: %v", m)
	}
}
