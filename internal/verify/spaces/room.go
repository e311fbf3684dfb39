package spaces

import (
	"container/heap"
	"fmt"
	"slices"

	"github.com/spanway/spanway/internal/verify/calls"
	"github.com/spanway/spanway/pkg/events"
)

// room is what a space has.
type room struct{ size, free, live, resting, largest int64 }

// moment is what a space has from one offset on, until the next moment.
type moment struct {
	since int64
	room  room
	gone  bool // there is no such space
}

// rooms is what each space had, by its name: as far back as an answer may refer to.
type rooms struct {
	moments map[string][]moment
	swept   int64
}

// note keeps what a space has behind the record at an offset; nil: it is gone.
func (r *rooms) note(name string, s *space, at int64) {
	r.sweep(at)
	now := moment{since: at + 1, gone: s == nil}
	if s != nil {
		now.room = s.room()
	}
	all := r.moments[name]
	switch last := len(all) - 1; {
	case last >= 0 && all[last].since == now.since:
		all[last] = now
	case last < 0 || all[last].room != now.room || all[last].gone != now.gone:
		r.moments[name] = append(all, now)
	}
}

// sweep forgets, once in a while, what no answer may refer to any more.
func (r *rooms) sweep(at int64) {
	if at-r.swept < calls.Horizon {
		return
	}
	r.swept = at
	for name, all := range r.moments {
		all = slices.Clone(all[max(0, behind(all, at-calls.Horizon)-1):])
		if r.moments[name] = all; len(all) == 1 && all[0].gone {
			delete(r.moments, name)
		}
	}
}

// behind is how many moments begin at an offset or before it.
func behind(all []moment, offset int64) int {
	n, _ := slices.BinarySearchFunc(all, offset+1, func(m moment, since int64) int { return int(min(1, max(-1, m.since-since))) })
	return n
}

// at is what a space had behind all records below an offset.
func (r *rooms) at(name string, offset int64) (room, bool) {
	all := r.moments[name]
	n := behind(all, offset)
	if n == 0 || all[n-1].gone {
		return room{}, false
	}
	return all[n-1].room, true
}

// told holds what a requester was told that a space has against the log. Where an answer
// refers to what is further back than the horizon, it is not judged.
func (w *world) told(m *events.IdsAnswered, at int64) {
	t := m.Room
	if t == nil || t.Offset == 0 || at-t.Offset > calls.Horizon {
		return
	}
	if t.Offset > at {
		w.judge.Find("G9", at, "the answer to %q tells what space %q has at offset %d, which comes after it", m.RequestId, m.Space, t.Offset)
		return
	}
	has, ok := w.rooms.at(m.Space, t.Offset)
	switch said := (room{t.Size, t.Free, t.Live, t.Quarantined, t.LargestFree}); {
	case !ok:
		w.judge.Find("G9", at, "the answer to %q tells what space %q has at offset %d: there was no such space", m.RequestId, m.Space, t.Offset)
	case said != has:
		w.judge.Find("G9", at, "the answer to %q tells that space %q has %v at offset %d; the log says %v", m.RequestId, m.Space, said, t.Offset, has)
	}
}

// room is what the space has now.
func (s *space) room() room {
	size := s.to - s.from + 1
	return room{size: size, free: size - s.live - s.resting, live: s.live, resting: s.resting, largest: s.gaps.longest()}
}

// bounds sets the first and the last identifier.
func (s *space) bounds(from, to int64) {
	s.from, s.to = from, to
	s.gaps = &gaps{counts: map[int64]int{}}
	next := from
	for _, h := range s.taken {
		s.gaps.add(h.from-next, 1)
		next = h.to + 1
	}
	s.gaps.add(to+1-next, 1)
}

// split notes that a hold at a place of those that are taken comes (1) or goes (-1): what
// was one gap is two, or the other way round. The hold itself is not there.
func (s *space) split(i int, h *hold, n int) {
	before, after := s.from, s.to
	if i > 0 {
		before = s.taken[i-1].to + 1
	}
	if i < len(s.taken) {
		after = s.taken[i].from - 1
	}
	s.gaps.add(after-before+1, -n)
	s.gaps.add(h.from-before, n)
	s.gaps.add(after-h.to, n)
}

// gaps are the lengths of the free ranges of a space; nil where its bounds are not known.
type gaps struct {
	counts  map[int64]int // 0 for what only the heap still has
	lengths lengths       // each once
}

// add notes that there are n more gaps of a length, or fewer.
func (g *gaps) add(length int64, n int) {
	if g == nil || length <= 0 {
		return
	}
	if _, known := g.counts[length]; !known {
		heap.Push(&g.lengths, length)
	}
	g.counts[length] += n
}

// longest is the length of the longest one, 0 if there is none.
func (g *gaps) longest() int64 {
	for len(g.lengths) > 0 {
		longest := g.lengths[0]
		if g.counts[longest] > 0 {
			return longest
		}
		delete(g.counts, longest)
		heap.Pop(&g.lengths)
	}
	return 0
}

// lengths is a heap, the longest first.
type lengths []int64

func (l lengths) Len() int           { return len(l) }
func (l lengths) Less(i, j int) bool { return l[i] > l[j] }
func (l lengths) Swap(i, j int)      { l[i], l[j] = l[j], l[i] }

// Push implements heap.Interface.
func (l *lengths) Push(x any) {
	if length, ok := x.(int64); ok {
		*l = append(*l, length)
	}
}

// Pop implements heap.Interface.
func (l *lengths) Pop() any {
	last := (*l)[len(*l)-1]
	*l = (*l)[:len(*l)-1]
	return last
}

// String tells it to people.
func (r room) String() string {
	return fmt.Sprintf("%d identifiers, of which %d are free (at most %d in a row), %d live and %d rest", r.size, r.free, r.largest, r.live, r.resting)
}
