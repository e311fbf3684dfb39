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

// A link of which a copy must not take the fence has failed, and its problem names the right.
func TestAFenceThatIsRefused(t *testing.T) {
	lacking := "User:fra lacks the right Write on transactional-id copies"
	for _, paused := range []bool{false, true} {
		st := &standing{report: copying.Report{State: mirror.Claiming, FenceRefused: true, LastError: lacking, Paused: paused}}
		st.Link, st.Config.Source.Topic = "in", "orders"
		s := &status{name: "one", shares: map[string]*share{}, copies: map[string]*standing{"a": st}}
		m := s.shareOf(&links.Link{Spec: links.Spec{Name: "in"}}, time.Now())
		if paused {
			if len(m.Problems) > 0 || m.State == "failed" {
				t.Errorf("paused, it is %s: %v", m.State, m.Problems)
			}
			continue
		}
		if m.State != "failed" || m.Reason != string(selection.FenceRefused) || len(m.Problems) != 1 {
			t.Fatalf("it is %s, %s: %v", m.State, m.Reason, m.Problems)
		}
		if p := m.Problems[0]; p.Topic != "orders" || p.Code != "fence_refused" || !strings.Contains(p.Text, lacking) || !strings.Contains(p.Text, "--unfenced") {
			t.Errorf("%v", p)
		}
	}
}
