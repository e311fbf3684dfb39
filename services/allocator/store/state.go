package store

import (
	"cmp"
	"slices"
)

// Range is a contiguous range of identifiers: the first and the last.
type Range struct{ From, To int64 }

// Count is how many identifiers it has.
func (r Range) Count() int64 { return r.To - r.From + 1 }

func (r Range) overlaps(o Range) bool { return r.From <= o.To && o.From <= r.To }

func (r Range) within(o Range) bool { return o.From <= r.From && r.To <= o.To }

// Space is what the log says of a space.
type Space struct {
	Name string
	// From and To are the first and the last identifier.
	From, To int64
	// Next is the first identifier behind all that was ever granted.
	Next int64
	// At is the offset of the log below which all is known that is said here.
	At int64
}

// Want is a request for a range.
type Want struct {
	RequestID string
	Count     int64
}

// Grant is a range that the log has granted.
type Grant struct {
	RequestID string
	Range     Range
}

// Freed is a range that became free with the record of the log at an offset.
type Freed struct {
	Range  Range
	Offset int64
}

// Batch is what one change proposes and notes.
type Batch struct {
	Space Space
	Wants []Want
	// Granted are grants that the log has accepted: their ranges are taken, and their
	// request IDs need not be remembered.
	Granted []Grant
	// Refused are request IDs whose proposals the log has refused: they are forgotten.
	Refused []string
	// Freed are the ranges that became free with the records from the offset Since on and
	// below Space.At. Each is made free once, by whoever comes first.
	Freed []Freed
	Since int64
}

// Proposal is where a range may be granted. Found is false if there is no room in what
// Redis holds.
type Proposal struct {
	Range Range
	Found bool
}

// State is what Redis holds of a space.
type State struct {
	// Next is the first identifier that was never proposed; Known is false if Redis
	// holds nothing of the space, or nothing that can be read.
	Next  int64
	Known bool
	// Free are ranges below Next that can be proposed, by their beginning, none next to
	// another.
	Free []Range
	// Proposed are ranges that were proposed, by request ID.
	Proposed map[string]Range
	// At is the offset of the log below which Redis was told what became free.
	At int64
}

// MaxFree is how many free ranges Redis holds of a space. The log knows the others:
// Fill brings them.
const MaxFree = 256

// propose finds a range for each want: what was proposed for it before, else the shortest
// free range that is long enough, else what was never proposed, else what is free at the
// end together with that.
func (s *State) propose(b Batch) []Proposal {
	s.Next = max(s.Next, b.Space.Next, b.Space.From)
	s.free(b)
	for _, id := range b.Refused {
		delete(s.Proposed, id)
	}
	for _, g := range b.Granted {
		delete(s.Proposed, g.RequestID)
		s.take(g.Range)
	}
	out := make([]Proposal, len(b.Wants))
	for i, w := range b.Wants {
		r, found := s.Proposed[w.RequestID]
		if !found || r.Count() != w.Count {
			if r, found = s.fit(w.Count, b.Space); !found {
				continue
			}
			s.take(r)
			s.Proposed[w.RequestID] = r
		}
		out[i] = Proposal{Range: r, Found: true}
	}
	return out
}

// free takes in what has become free since Redis was told last.
func (s *State) free(b Batch) {
	for _, f := range b.Freed {
		if f.Offset >= s.At {
			s.Free = append(s.Free, f.Range)
		}
	}
	s.Free, s.At = join(s.Free), max(s.At, b.Space.At)
}

// fit is the best range of a length.
func (s *State) fit(count int64, space Space) (best Range, found bool) {
	for _, f := range s.Free {
		if f.Count() >= count && (!found || f.Count() < best.Count()) && f.within(Range{space.From, space.To}) {
			best, found = f, true
		}
	}
	if found {
		return Range{best.From, best.From + count - 1}, true
	}
	from := s.Next
	if n := len(s.Free); space.To-from+1 < count && n > 0 && s.Free[n-1].To == s.Next-1 {
		from = max(space.From, s.Free[n-1].From)
	}
	return Range{from, from + count - 1}, count > 0 && space.To-from+1 >= count
}

// take takes a range out of what can be proposed. What it skips of what was never
// proposed becomes free.
func (s *State) take(r Range) {
	var free []Range
	for _, f := range s.Free {
		if !f.overlaps(r) {
			free = append(free, f)
			continue
		}
		if f.From < r.From {
			free = append(free, Range{f.From, r.From - 1})
		}
		if f.To > r.To {
			free = append(free, Range{r.To + 1, f.To})
		}
	}
	if s.Next < r.From {
		free = append(free, Range{s.Next, r.From - 1})
	}
	s.Free, s.Next = join(free), max(s.Next, r.To+1)
}

// fill makes the state one that fits the log as of space.At: free are the ranges below space.Next that
// the log has as free, or the longest of them. It reports whether the state had
// something as free that the log does not.
func (s *State) fill(space Space, free []Range) (behind bool) {
	above := Range{max(space.Next, space.From), space.To}
	can := merge(append(slices.Clone(free), above))
	inLog := func(r Range) bool {
		return slices.ContainsFunc(can, r.within)
	}
	behind = !s.Known || s.Next < space.Next || slices.ContainsFunc(s.Free, func(r Range) bool { return !inLog(r) })
	next := max(s.Next, above.From)
	kept := slices.Clone(free)
	for _, f := range s.Free { // What was returned of what the log never granted.
		if f.To >= above.From {
			kept = append(kept, Range{max(f.From, above.From), f.To})
		}
	}
	s.Known, s.Next, s.Free, s.At = true, next, join(kept), space.At
	for id, r := range s.Proposed {
		if !inLog(r) {
			delete(s.Proposed, id)
			continue
		}
		s.take(r)
	}
	return behind
}

// release makes ranges free that are held below Next, and forgets requests, if their
// ranges are still as given.
func (s *State) release(abandoned []Grant, free []Range) {
	for _, g := range abandoned {
		if s.Proposed[g.RequestID] == g.Range {
			delete(s.Proposed, g.RequestID)
		}
	}
	for _, r := range free {
		held := r.To >= s.Next || slices.ContainsFunc(s.Free, r.overlaps)
		for _, p := range s.Proposed {
			held = held || r.overlaps(p)
		}
		if !held {
			s.Free = join(append(s.Free, r))
		}
	}
}

// join merges ranges, and keeps the longest MaxFree.
func join(free []Range) []Range {
	out := merge(free)
	if len(out) <= MaxFree {
		return out
	}
	slices.SortStableFunc(out, func(a, b Range) int { return cmp.Compare(b.Count(), a.Count()) })
	out = out[:MaxFree]
	slices.SortFunc(out, func(a, b Range) int { return cmp.Compare(a.From, b.From) })
	return out
}

// merge sorts ranges, in place, and makes one of neighbours.
func merge(ranges []Range) []Range {
	slices.SortFunc(ranges, func(a, b Range) int { return cmp.Compare(a.From, b.From) })
	out := ranges[:0]
	for _, r := range ranges {
		if n := len(out); n > 0 && r.From <= out[n-1].To+1 {
			out[n-1].To = max(out[n-1].To, r.To)
			continue
		}
		out = append(out, r)
	}
	return out
}
