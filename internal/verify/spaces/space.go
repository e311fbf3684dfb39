package spaces

import (
	"cmp"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// maxOver is how many request IDs of a space are remembered when nothing of their grants
// is live or rests.
const maxOver = 100_000

// lastIdentifier is the last that there may be.
const lastIdentifier = 1<<53 - 1

// longest bounds leases and quarantine, in milliseconds.
const longest = 1 << 53

// space is one space by the rule.
type space struct {
	name                      string
	from, to, quarantine, max int64
	deleted                   bool
	live, resting             int64   // identifiers
	taken                     []*hold // by their first identifier
	gaps                      *gaps   // between them
	counts                    []count // how often each was granted, where it was
	asks                      map[string]*ask
	over                      []string
}

// ask is a request ID with its grant.
type ask struct {
	space           *space
	id, owner       string
	from, to, lease int64
	reserved        bool
	at, before      int64 // its offset, and how often a part of it was granted before
	ended           int64 // the offset of the record after which nothing of it is live; 0: a part is
	live, resting   int64
	leases          int // how often its lease began; an older timer is void
}

// hold is a range that is live or rests.
type hold struct {
	from, to int64
	of       *ask
	resting  bool
	since    int64
}

// count is how often the identifiers of a range were granted.
type count struct{ from, to, n int64 }

// at is where a hold that begins at an identifier is, or would be.
func (s *space) at(from int64) int {
	i, _ := slices.BinarySearchFunc(s.taken, from, func(h *hold, from int64) int { return cmp.Compare(h.from, from) })
	return i
}

// conflict returns what overlaps a range.
func (s *space) conflict(from, to int64) *hold {
	i := s.at(from)
	if i > 0 && s.taken[i-1].to >= from {
		return s.taken[i-1]
	}
	if i < len(s.taken) && s.taken[i].from <= to {
		return s.taken[i]
	}
	return nil
}

func (s *space) add(h *hold) {
	i := s.at(h.from)
	s.split(i, h, 1)
	s.taken = slices.Insert(s.taken, i, h)
	s.count(h, 1)
}

func (s *space) remove(h *hold) {
	i := s.at(h.from)
	s.taken = slices.Delete(s.taken, i, i+1)
	s.split(i, h, -1)
	s.count(h, -1)
}

// count notes that the identifiers of a hold come (1) or go (-1).
func (s *space) count(h *hold, n int64) {
	n *= h.to - h.from + 1
	if h.resting {
		s.resting += n
		h.of.resting += n
		return
	}
	s.live += n
	h.of.live += n
}

// of lists what a request ID holds within a range.
func (s *space) of(a *ask, from, to int64) (held []*hold) {
	for _, h := range s.taken[s.at(from):] {
		if h.from > to {
			break
		}
		if h.of == a && !h.resting {
			held = append(held, h)
		}
	}
	return held
}

// counted notes that a range is granted, and returns how often a part of it was before.
func (s *space) counted(from, to int64) (most int64) {
	first, _ := slices.BinarySearchFunc(s.counts, from, func(c count, from int64) int { return cmp.Compare(c.to, from) })
	end := first
	for end < len(s.counts) && s.counts[end].from <= to {
		end++
	}
	var now []count
	add := func(from, to, n int64) {
		switch last := len(now) - 1; {
		case from > to:
		case last >= 0 && now[last].n == n && now[last].to == from-1:
			now[last].to = to
		default:
			now = append(now, count{from, to, n})
		}
	}
	next := from
	for _, c := range s.counts[first:end] {
		most = max(most, c.n)
		add(c.from, min(c.to, from-1), c.n)
		add(next, c.from-1, 1)
		add(max(c.from, from), min(c.to, to), c.n+1)
		next = min(c.to, to) + 1
		add(max(c.from, to+1), c.to, c.n)
	}
	add(next, to, 1)
	s.counts = slices.Replace(s.counts, first, end, now...)
	return most
}

// sound checks the rules of a space.
func sound(m *events.IdsSpaceDeclared) bool {
	return events.CheckID("the space", m.Space) == nil && m.From >= 0 && m.From <= m.To && m.To <= lastIdentifier &&
		m.QuarantineMs >= 0 && m.QuarantineMs <= longest && m.MaxCount >= 1 && m.MaxCount <= lastIdentifier+1
}
