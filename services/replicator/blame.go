package replicator

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/selection"
)

// fenceRefused is the problem of a copy whose target must not be claimed.
func (st *standing) fenceRefused() *events.ReplicationProblem {
	return &events.ReplicationProblem{Topic: st.Config.Source.Topic, Code: string(selection.FenceRefused), Text: fmt.Sprintf(
		"partition %d is not copied, for this cluster does not let its replicator take the fence of %s: %s; it is tried again by itself. Copying without the fence is for a link that says so (--unfenced)",
		st.Config.Source.Partition, st.Config.Target.Topic, st.report.LastError)}
}

// blame adds the problems of a link. One of a single topic is counted: the link fails by it if
// it copies no other at the site.
func (s *status) blame(m *events.ReplicationLinkReported) {
	problems := slices.Clone(s.problems)
	for _, id := range slices.Sorted(maps.Keys(s.copies)) {
		if p, ok := s.copies[id].differing(); ok {
			problems = append(problems, p)
		}
	}
	topics := map[string]bool{}
	for _, p := range problems {
		if p.Link != m.Link {
			continue
		}
		ofLink := p.Topic == "" || s.chosen[m.Link] == 0
		if p.Stops {
			m.ConsistentSinceMs = 0 // Not all that the link chooses is copied.
		}
		if p.Code == selection.SourceDenied {
			m.Reason = cmp.Or(m.Reason, string(p.Code))
		}
		if p.Stops && p.Topic != "" {
			topics[p.Topic] = true
			m.Reason = cmp.Or(m.Reason, string(p.Code))
		}
		if (p.Stops && ofLink || p.Code.SourceAway()) && severity[m.State] < severity[failed] {
			m.State, m.Reason = failed, string(p.Code)
		}
		if len(m.Problems) < mostProblems {
			m.Problems = append(m.Problems, &events.ReplicationProblem{Topic: p.Topic, Code: string(p.Code), Text: p.Text})
		}
	}
	m.FailedTopics = int32(len(topics))
}
