package idspace

import (
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// Rules are those of a space.
type Rules struct {
	Name string
	// From and To are the first and the last identifier.
	From, To int64
	// QuarantineMs is how long a released range rests, in milliseconds of the log's time.
	QuarantineMs int64
	// MaxCount is how many identifiers one grant may have.
	MaxCount int64
}

// Space is a space and what is granted of it.
type Space struct {
	rules   Rules
	since   int64 // the offset of its declaration
	deleted bool  // and kept until its ranges have rested
	// spans cover all from the first identifier to next, without gaps; free are those
	// of them that are. What is not below next was never used.
	spans, free index
	next        int64
	// live and resting are how many identifiers are.
	live, resting int64
	grants        map[string]*grant // by request ID
	// ended are the grants of which nothing rests any more, the oldest first.
	ended []*grant
	usage usage
	freed freed
}

func newSpace(r Rules, offset int64) *Space {
	return &Space{rules: r, since: offset, next: r.From, grants: map[string]*grant{}, freed: freed{since: offset + 1}}
}

func (r Rules) ok() bool {
	return events.CheckID("the space", r.Name) == nil && r.From >= 0 && r.From <= r.To && r.To <= MaxIdentifier &&
		r.QuarantineMs >= 0 && r.QuarantineMs <= MaxMs && r.MaxCount >= 1 && r.MaxCount <= MaxIdentifier+1
}

// declare makes a space, or gives one other rules. Its bounds never become narrower: a
// range would be out of them that is held or was.
func (c *Core) declare(m *events.IdsSpaceDeclared, offset int64) events.Code {
	rules := Rules{Name: m.Space, From: m.From, To: m.To, QuarantineMs: m.QuarantineMs, MaxCount: m.MaxCount}
	if !rules.ok() {
		return events.CodeBadData
	}
	s := c.spaces[m.Space]
	switch {
	case s == nil:
		s = newSpace(rules, offset)
		c.spaces[m.Space] = s
		s.usage.began(m.AtMs)
		return ""
	case m.Create && !s.deleted && s.rules != rules:
		return events.CodeSpaceExists
	case (rules.From > s.rules.From || rules.To < s.rules.To) && s.deleted:
		return events.CodeRangeTaken
	case rules.From > s.rules.From || rules.To < s.rules.To:
		return events.CodeOutOfBounds
	}
	s.begin(rules.From, offset)
	if s.deleted {
		s.since = offset
	}
	s.rules, s.deleted = rules, false
	return ""
}

// begin moves the beginning of a space down.
func (s *Space) begin(from, offset int64) {
	switch was := s.rules.From; {
	case s.next == was: // Nothing of it was ever granted.
		s.next = from
	case from < was:
		s.putFree(from, was-1, 0, offset)
	}
}

func (c *Core) grow(m *events.IdsSpaceGrown) events.Code {
	s := c.Space(m.Space)
	switch {
	case s == nil:
		return events.CodeUnknownSpace
	case m.To < s.rules.To, m.To > MaxIdentifier:
		return events.CodeOutOfBounds
	}
	s.rules.To = m.To
	return ""
}

// delete ends a space. What is held of it, if that is forced, rests as if released.
func (c *Core) delete(m *events.IdsSpaceDeleted, offset int64) events.Code {
	s := c.Space(m.Space)
	switch {
	case s == nil:
		return events.CodeUnknownSpace
	case s.live > 0 && !m.Force:
		return events.CodeSpaceHeld
	}
	held := slices.DeleteFunc(slices.Collect(maps.Values(s.grants)), func(g *grant) bool { return g.live == 0 })
	slices.SortFunc(held, inLog)
	for _, g := range held {
		c.endGrant(g, offset)
	}
	s.deleted = true
	c.drop(s)
	return ""
}

// drop forgets a deleted space when nothing of it rests.
func (c *Core) drop(s *Space) {
	if s.deleted && s.resting == 0 {
		delete(c.spaces, s.rules.Name)
	}
}
