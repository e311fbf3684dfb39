package compare

import (
	"slices"
	"sort"
)

// take judges a copy. The source was read beyond its origin.
func (s *Stream) take(c *copied) {
	if !c.own {
		if c.offset < s.cfg.Tolerated {
			s.result.Others++
			return
		}
		s.find(Finding{Foreign, -1, c.offset}, s.passed)
		return
	}
	again := c.generation < s.generation || c.generation == s.generation && c.origin <= s.newest
	same := c.generation == s.generation && c.origin == s.newest
	if !again {
		s.generation, s.newest = c.generation, c.origin
	}
	if s.within(c) {
		s.judge(c, again || c.origin < s.passed)
		return
	}
	if again {
		kind := Disorder
		if same {
			kind = Duplicate
		}
		s.find(Finding{kind, c.origin, c.offset}, min(c.origin, s.passed))
		return
	}
	switch {
	case c.origin < s.cfg.SourceRange.Start:
		s.result.Gone++
	case s.cfg.superseded(c.origin, c.generation):
		s.result.Earlier++
	default:
		s.pass(s.cfg.SourceRange.End) // What is not copied before it is missing.
		s.result.Later++
		s.result.LaterTo = max(s.result.LaterTo, c.origin+1)
	}
}

// judge judges a copy of a record that is compared; again says that it stands behind a
// copy of the same record or a later one.
func (s *Stream) judge(c *copied, again bool) {
	if again {
		i := sort.Search(len(s.late), func(i int) bool { return s.late[i].offset >= c.origin })
		if i == len(s.late) || s.late[i].offset != c.origin {
			s.windows.of(c.origin).Target.add(c.hash)
			s.find(Finding{Duplicate, c.origin, c.offset}, c.origin)
			return
		}
		e := s.late[i]
		s.late = append(s.late[:i], s.late[i+1:]...)
		s.find(Finding{Disorder, c.origin, c.offset}, c.origin)
		s.match(&e, c)
		return
	}
	s.pass(c.origin)
	if len(s.ahead) == 0 || s.ahead[0].offset != c.origin {
		s.without(c)
		return
	}
	e := s.ahead[0]
	s.ahead = s.ahead[1:]
	s.passed = c.origin + 1
	switch {
	case e.fate == uncopyable && s.faithful(&e, c):
		s.match(&e, c) // A dead letter whose policy was changed, and which was copied then.
	case e.fate == undeclared:
		s.match(&e, c)
	case s.drop(&e):
		s.extra(c)
	default:
		s.match(&e, c)
	}
}

// without judges a copy of a record that the source does not have.
func (s *Stream) without(c *copied) {
	if s.cfg.Compacted {
		s.result.Gone++
		return
	}
	s.extra(c)
}

// extra judges a copy that should not be there, unless it is of a source that is gone.
func (s *Stream) extra(c *copied) {
	if s.old(c) {
		s.result.Earlier++
		return
	}
	s.windows.of(c.origin).Target.add(c.hash)
	s.find(Finding{Extra, c.origin, c.offset}, c.origin)
}

// faithful says whether it is a true copy of that record.
func (s *Stream) faithful(e *entry, c *copied) bool {
	return e.hash == c.hash && slices.Equal(e.way, c.way)
}

// match compares a record with its copy.
func (s *Stream) match(e *entry, c *copied) {
	if !s.faithful(e, c) && s.old(c) {
		s.result.Earlier++
		s.missing(e)
		return
	}
	w := s.windows.of(e.offset)
	w.Source.add(e.hash)
	w.Target.add(c.hash)
	if !s.faithful(e, c) {
		s.find(Finding{Differs, c.origin, c.offset}, c.origin)
		return
	}
	s.result.Same++
}
