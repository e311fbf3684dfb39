package replicator

import (
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/replication/links"
	"github.com/spanway/spanway/services/replicator/copying"
	"github.com/spanway/spanway/services/replicator/mirror"
	"github.com/spanway/spanway/services/replicator/selection"
)

// A copy that retention may overtake is a problem of its link before anything is lost.
func TestRetentionThatComesNear(t *testing.T) {
	near := copying.Report{State: mirror.Delta, SourceStart: 1000, SourceEnd: 2000, Next: 1499}
	tests := map[string]struct {
		change func(r *copying.Report)
		near   bool
	}{
		"in the older half":                 {func(*copying.Report) {}, true},
		"overtaken already":                 {func(r *copying.Report) { r.Next = 900 }, true},
		"in the newer half":                 {func(r *copying.Report) { r.Next = 1500 }, false},
		"the source has deleted nothing":    {func(r *copying.Report) { r.SourceStart, r.Next = 0, 10 }, false},
		"a snapshot begins at the start":    {func(r *copying.Report) { r.State = mirror.Snapshot }, false},
		"paused: what is known grows old":   {func(r *copying.Report) { r.Paused = true }, false},
		"nothing to copy, one record there": {func(r *copying.Report) { r.SourceEnd, r.Next = 1001, 1001 }, false},
		"all that was there is deleted":     {func(r *copying.Report) { r.SourceEnd, r.Next = 1000, 1000 }, false},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			r := near
			test.change(&r)
			s := &status{name: "one", shares: map[string]*share{}, copies: map[string]*standing{"a": {job: job{}, report: r}}}
			s.copies["a"].Link, s.copies["a"].Config.Source.Topic = "in", "orders"
			got := s.shareOf(&links.Link{Spec: links.Spec{Name: "in"}}, time.Now()).Problems
			if (len(got) == 1) != test.near {
				t.Fatalf("%v", got)
			}
			if test.near && (got[0].Topic != "orders" || got[0].Code != string(selection.NearRetention) || !strings.Contains(got[0].Text, "retention.ms")) {
				t.Errorf("%v", got[0])
			}
		})
	}
	s := &status{name: "one", shares: map[string]*share{}, copies: map[string]*standing{}}
	for i := range 3 * mostProblems {
		st := &standing{report: near}
		st.Link, st.Config.Source.Partition = "in", int32(i)
		s.copies[string(rune('a'+i))] = st
	}
	if got := s.shareOf(&links.Link{Spec: links.Spec{Name: "in"}}, time.Now()); len(got.Problems) != mostProblems || got.Copies != 3*mostProblems {
		t.Errorf("%d problems of %d copies", len(got.Problems), got.Copies)
	}
}
