package idspace

import (
	"cmp"
	"container/heap"
	"strings"
)

// timer is a lease or a rest. It is in at most one heap.
type timer struct {
	// at is when it ends, in the time of the log; before it has begun, how long it is.
	at    int64
	begun bool
	index int // in its heap, from 1; 0: in none
	space *Space
	grant *grant // a lease of it, or
	rest  *span  // a rest of it
}

// timers is a heap of them, the first to end on top.
type timers []*timer

func (h timers) Len() int { return len(h) }

// Less orders totally, so that what ends at one time ends in the same order at all hosts.
func (h timers) Less(i, j int) bool { return h[i].compare(h[j]) < 0 }

func (t *timer) compare(u *timer) int {
	at, from := t.origin()
	bt, bfrom := u.origin()
	return cmp.Or(cmp.Compare(t.at, u.at), cmp.Compare(at, bt), strings.Compare(t.space.rules.Name, u.space.rules.Name), cmp.Compare(from, bfrom))
}

// origin is the offset of the record that it is of, and an identifier. A grant and a rest
// never have the same offset and space.
func (t *timer) origin() (offset, from int64) {
	if t.grant != nil {
		return t.grant.offset, t.grant.from
	}
	return t.rest.since, t.rest.from
}

func (h timers) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].index, h[j].index = i+1, j+1
}

// Push implements heap.Interface.
func (h *timers) Push(t any) {
	if t, ok := t.(*timer); ok {
		*h = append(*h, t)
		t.index = len(*h)
	}
}

// Pop implements heap.Interface.
func (h *timers) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	t.index = 0
	return t
}

func (h *timers) push(t *timer) { heap.Push(h, t) }

func (h *timers) pop() *timer {
	t, _ := heap.Pop(h).(*timer)
	return t
}

// start has a timer begin with the next move of the time.
func (c *Core) start(t *timer, length int64) {
	t.at, t.begun = length, false
	c.waiting.push(t)
}

// stop takes a timer out of its heap, if it is in one.
func (c *Core) stop(t *timer) {
	switch {
	case t.index == 0:
	case t.begun:
		heap.Remove(&c.begun, t.index-1)
	default:
		heap.Remove(&c.waiting, t.index-1)
	}
}
