package network

import "slices"

// drop has entries wait for a full sync, which brings what they would have brought. What is kept
// of them is by when the site should have had it. They have the numbers in front of the first
// entry that is there, the last of them the one just in front of it; beyond twice most of them
// the oldest are forgotten.
func (s *site) drop(entries []*pending, most int) {
	for _, p := range entries {
		s.dropped = append(s.dropped, &pending{change: p.change, at: p.at, deadline: p.deadline, skipped: p.skipped, overdue: p.overdue})
	}
	if n := len(s.dropped) - 2*most; n > 0 {
		s.dropped = slices.Clone(s.dropped[n:])
	}
}

// waiting finds an entry that is there, or was dropped; nil if it is neither.
func (s *site) waiting(sequence uint64) *pending {
	first := s.first()
	if n := uint64(len(s.dropped)); sequence < first && sequence+n >= first {
		return s.dropped[n-(first-sequence)]
	}
	return s.pending(sequence)
}

// each calls do with all that waits, in order, until it returns false.
func (s *site) each(do func(sequence uint64, p *pending) bool) {
	first := s.first()
	for i, p := range s.dropped {
		if !do(first-uint64(len(s.dropped)-i), p) {
			return
		}
	}
	for i, p := range s.entries {
		if !do(first+uint64(i), p) {
			return
		}
	}
}

// forget drops what the site has applied of what waits.
func (s *site) forget() {
	n := s.last - s.applied
	if uint64(len(s.entries)) > n {
		s.entries = slices.Clone(s.entries[uint64(len(s.entries))-n:])
	}
	if left := n - uint64(len(s.entries)); uint64(len(s.dropped)) > left {
		s.dropped = slices.Clone(s.dropped[uint64(len(s.dropped))-left:])
	}
}
