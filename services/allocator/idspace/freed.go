package idspace

import "slices"

// Freed is a range that became free with the record at an offset.
type Freed struct{ From, To, Offset int64 }

// freed are the ranges of a space that became free last, the oldest first. They are no part
// of the state: what proposes ranges learns from them what it may propose anew.
type freed struct {
	ranges []Freed
	// since is the offset from which on none is left out.
	since int64
}

// maxFreed is how many are kept.
const maxFreed = 1024

// add notes one.
func (f *freed) add(from, to, offset int64) {
	if len(f.ranges) == maxFreed {
		f.since = f.ranges[maxFreed/2-1].Offset + 1
		f.ranges = slices.DeleteFunc(f.ranges, func(r Freed) bool { return r.Offset < f.since })
	}
	f.ranges = append(f.ranges, Freed{from, to, offset})
}

// FreedSince returns the ranges that became free with the records from an offset on; some of
// them may have been granted again since. ok is false if that is not known any more: then
// Ranges tells all that are free.
func (s *Space) FreedSince(offset int64) (all []Freed, ok bool) {
	if offset < s.freed.since {
		return nil, false
	}
	first := len(s.freed.ranges) // Mostly there are none, or few.
	for first > 0 && s.freed.ranges[first-1].Offset >= offset {
		first--
	}
	return slices.Clone(s.freed.ranges[first:]), true
}

// resume notes from where on a restored core knows what becomes free.
func (c *Core) resume(offset int64) {
	if !c.restored {
		return
	}
	c.restored = false
	for _, s := range c.spaces {
		s.freed.since = offset
	}
}
