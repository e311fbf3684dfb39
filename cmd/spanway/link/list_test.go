package link

import (
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/replication"
)

// The list has the problems of a link, each code once, behind its reason.
func TestTheListNamesProblems(t *testing.T) {
	now := time.Now().UnixMilli()
	l := replication.Link{Spec: replication.Spec{Name: "in", Unfenced: true}}
	view := func() linkView {
		return viewLink(l, &replication.Status{Shares: []*events.ReplicationLinkReported{{
			Link: "in", Replicator: "one", State: "delta", AtMs: now, Copies: 2, Lag: 467, LagMs: 9000, Stopped: 1, Reason: "overtaken",
			Problems: []*events.ReplicationProblem{{Topic: "a", Code: "copy_differs"}, {Topic: "b", Code: "copy_differs"}, {Code: "overtaken"}},
		}}}, now)
	}
	v := view()
	if got := v.reasons(); got != "overtaken, copy_differs, unfenced" {
		t.Errorf("its reasons are %q", got)
	}
	l.Paused, l.FailedOver, l.Unfenced = true, true, false
	v = view()
	if v.Lag != nil || v.LagMs != nil || v.lag() != "-" || !strings.Contains(v.waiting(), "failed over") {
		t.Errorf("failed over, its lag is %s, %s", v.lag(), v.waiting())
	}
	l.FailedOver = false
	if v = view(); v.lag() != "467 (9.0s)" {
		t.Errorf("paused, its lag is %s", v.lag())
	}
}
