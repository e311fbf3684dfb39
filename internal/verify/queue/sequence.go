package queue

import "github.com/spanway/spanway/pkg/events"

// line is that of a queue whose IDs are a sequence.
type line struct {
	newest  numbered // that was accepted; zero if none was
	through int64    // numbers up to here were trimmed
	// under has for each term which numbers it has used: from the first, which stands there, to
	// the one before the first of the next term.
	under map[int64]int64
}

func (s *state) isSequence() bool { return s.rules.ids == events.QueueIDs_QUEUE_IDS_SEQUENCE }

// due is the number that the next entry must have.
func (l *line) due() int64 { return max(l.newest.number, l.through) + 1 }

// misplaced is why an ID that is not held has no place at the end of a sequence.
func (s *state) misplaced(id string) events.Code {
	n, _ := numberedOf(id)
	first, known := s.line.under[n.term]
	switch {
	case n.term < s.line.newest.term:
		return events.CodeOldTerm
	case s.line.due() > 0 && n.number == s.line.due(): // Behind the greatest number there is none.
		return ""
	case known && n.number >= first && (s.line.due() < 0 || n.number < s.line.due()):
		return events.CodeAlreadyRemoved
	}
	return events.CodeOutOfSequence
}

// missing is what is said of an ID of a sequence that is not held. Under a term that is over, all
// numbers before the newest term's first are taken for removed: they cannot come any more.
func (s *state) missing(id string) events.Code {
	n, _ := numberedOf(id)
	over := s.misplaced(id) == events.CodeAlreadyRemoved
	if n.term < s.line.newest.term {
		over = n.number < s.line.under[s.line.newest.term]
	}
	if over {
		return events.CodeAlreadyRemoved
	}
	return events.CodeUnknownEntry
}

// follow notes an entry that was put in.
func (s *state) follow(id string) {
	n, _ := numberedOf(id)
	if s.line.under == nil {
		s.line.under = map[int64]int64{}
	}
	if _, known := s.line.under[n.term]; !known {
		s.line.under[n.term] = n.number
	}
	s.line.newest = n
}

func (p *Partition) trimmed(m *events.QueueTrimmed) events.Code {
	s := &p.q
	if !text(m.Reason) || !s.isSequence() || m.Through <= 0 {
		return events.CodeBadData
	}
	for id, h := range s.held {
		if n, _ := numberedOf(id); n.number <= m.Through {
			p.counts.Removed++
			s.take(h)
		}
	}
	s.line.through = max(s.line.through, m.Through)
	return ""
}
