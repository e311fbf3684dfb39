package replicator

import (
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

// nearRetention is the problem of a copy that the source's retention may overtake.
func (st *standing) nearRetention() *events.ReplicationProblem {
	r, from := &st.report, st.Config.Source
	return &events.ReplicationProblem{Topic: from.Topic, Code: string(selection.NearRetention), Text: fmt.Sprintf(
		"partition %d is %d records behind, and the next one, %d, stands in the older half of what the source still has, %d to %d: keep records for longer there (retention.ms, retention.bytes), or raise the limits of the link",
		from.Partition, r.Behind(), r.Next, r.SourceStart, r.SourceEnd)}
}

// blame adds the problems of a link.
func (s *status) blame(m *events.ReplicationLinkReported) {
	problems := slices.Clone(s.problems)
	for _, id := range slices.Sorted(maps.Keys(s.copies)) {
		if p, ok := s.copies[id].differing(); ok {
			problems = append(problems, p)
		}
	}
	for _, p := range problems {
		if p.Link != m.Link {
			continue
		}
		if p.Stops {
			m.ConsistentSinceMs = 0 // Not all that the link chooses is copied.
		}
		if p.Stops && severity[m.State] < severity[failed] || p.Code == selection.SourceUnreachable && severity[m.State] < severity[failed] {
			m.State, m.Reason = failed, string(p.Code)
		}
		if len(m.Problems) < mostProblems {
			m.Problems = append(m.Problems, &events.ReplicationProblem{Topic: p.Topic, Code: string(p.Code), Text: p.Text})
		}
	}
}
