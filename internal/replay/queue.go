package replay

import (
	"cmp"
	"container/heap"
)

// due is something that happens at a time of a run.
type due struct {
	moment
	seq  int
	what action
	// request is its index, of all but steps.
	request int
	step    *step
	// token of the attempt that ends.
	token uint64
	play  play
}

// action is what is due.
type action uint8

const (
	arrive action = iota
	enact         // a step
	cancel
	finish // of an attempt
	wake   // something may be due in the core
)

// unplaced is the turn of what is not in the record: it goes with whatever else
// happens in that millisecond.
const unplaced = -1

// schedule orders what is due by time, then as in the record.
type schedule struct {
	list dueHeap
	seq  int
	// facts are those that are more than a wake.
	facts int
}

func (s *schedule) add(d due) {
	d.seq = s.seq
	s.seq++
	if d.what != wake {
		s.facts++
	}
	heap.Push(&s.list, d)
}

// next takes off what happens at once: all of one millisecond between which the
// record has no placement.
func (s *schedule) next(into []due) []due {
	into = append(into[:0], heap.Pop(&s.list).(due))
	turn := into[0].turn
	for len(s.list) > 0 && s.list[0].ms == into[0].ms && (turn == unplaced || s.list[0].turn == turn || s.list[0].turn == unplaced) {
		d := heap.Pop(&s.list).(due)
		if turn == unplaced {
			turn = d.turn
		}
		into = append(into, d)
	}
	for i := range into {
		if into[i].what != wake {
			s.facts--
		}
	}
	return into
}

type dueHeap []due

func (h dueHeap) Len() int { return len(h) }
func (h dueHeap) Less(i, j int) bool {
	a, b := &h[i], &h[j]
	return cmp.Or(cmp.Compare(a.ms, b.ms), cmp.Compare(a.offset, b.offset), cmp.Compare(a.seq, b.seq)) < 0
}
func (h dueHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *dueHeap) Push(x any)   { *h = append(*h, x.(due)) }
func (h *dueHeap) Pop() any {
	last := len(*h) - 1
	d := (*h)[last]
	(*h)[last] = due{}
	*h = (*h)[:last]
	return d
}
