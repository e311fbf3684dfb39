package order

import (
	"math"
	"slices"
	"sort"
)

// interval is all numbers from one to another, both included.
type interval struct{ from, to int64 }

// intervals is a set of numbers, none below 0, as intervals that do not touch. They stand
// in short rows, so that one more costs little among many.
type intervals struct{ rows [][]interval }

// fullRow is how long a row becomes before it is cut in two.
const fullRow = 512

// find is the place of the last interval that begins at or below v: its row, and its place
// in it, which is -1 if there is none.
func (s *intervals) find(v int64) (row, at int) {
	row = max(0, sort.Search(len(s.rows), func(i int) bool { return s.rows[i][0].from > v })-1)
	if len(s.rows) == 0 {
		return 0, -1
	}
	r := s.rows[row]
	return row, sort.Search(len(r), func(i int) bool { return r[i].from > v }) - 1
}

func (s *intervals) has(v int64) bool {
	row, at := s.find(v)
	return at >= 0 && s.rows[row][at].to >= v
}

func (s *intervals) add(v int64) {
	if len(s.rows) == 0 {
		s.rows = [][]interval{{{v, v}}}
		return
	}
	row, at := s.find(v)
	r := s.rows[row]
	if at >= 0 && r[at].to >= v {
		return
	}
	next := s.next(row, at)
	before, behind := at >= 0 && r[at].to == v-1, next != nil && v != math.MaxInt64 && next.from == v+1
	switch {
	case before && behind:
		r[at].to = next.to
		s.removeNext(row, at)
	case before:
		r[at].to = v
	case behind:
		next.from = v
	default:
		s.insert(row, at+1, interval{v, v})
	}
}

// next is the interval behind the one at a place; nil if that is the last.
func (s *intervals) next(row, at int) *interval {
	switch {
	case at+1 < len(s.rows[row]):
		return &s.rows[row][at+1]
	case row+1 < len(s.rows):
		return &s.rows[row+1][0]
	}
	return nil
}

func (s *intervals) removeNext(row, at int) {
	if at++; at == len(s.rows[row]) {
		row, at = row+1, 0
	}
	if s.rows[row] = slices.Delete(s.rows[row], at, at+1); len(s.rows[row]) == 0 {
		s.rows = slices.Delete(s.rows, row, row+1)
	}
}

func (s *intervals) insert(row, at int, i interval) {
	r := slices.Insert(s.rows[row], at, i)
	s.rows[row] = r
	if len(r) >= fullRow {
		half := len(r) / 2
		s.rows = slices.Insert(s.rows, row+1, slices.Clone(r[half:]))
		s.rows[row] = slices.Clip(r[:half])
	}
}

func (s *intervals) len() (n int) {
	for _, r := range s.rows {
		n += len(r)
	}
	return n
}

// append appends the intervals in their order.
func (s *intervals) append(dst []byte) []byte {
	dst = putUvarint(dst, s.len())
	last := int64(0)
	for _, r := range s.rows {
		for _, i := range r {
			dst = putUvarint(putUvarint(dst, i.from-last), i.to-i.from)
			last = i.to
		}
	}
	return dst
}

// restore reads what append wrote into an empty set.
func (s *intervals) restore(r *reader) {
	n, last := r.count(2), int64(0)
	var row []interval
	for i := range n {
		from := last + r.number()
		to := from + r.number()
		if from < last || to < from || i > 0 && from-last < 2 {
			r.fail("intervals of removed entries are not in their order")
			return
		}
		last, row = to, append(row, interval{from, to})
		if len(row) == fullRow/2 || i+1 == n {
			s.rows, row = append(s.rows, row), nil
		}
	}
}
