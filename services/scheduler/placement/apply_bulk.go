package placement

import "github.com/spanway/spanway/pkg/events"

// applyBulkCancel makes owed the end of all that a bulk cancel names.
func (s *State) applyBulkCancel(m *events.TaskBulkCancelStarted) {
	p := s.pools[events.Pool(m.Pool)]
	if p == nil {
		return
	}
	for t := p.first; t != nil; t = t.next {
		if !matches(t, m.Filter) || t.fate == owesCancel || t.fate == owesDeath {
			continue
		}
		if t.status == waiting && p.match != nil {
			p.match.remove(t)
		}
		t.extras().cancelReason = keptReason(m.Reason)
		p.owe(t, owesCancel)
	}
}
