package order

import (
	"container/heap"
	"math"
	"slices"
)

// claim is that of one entry.
type claim struct {
	seq   int64
	token int64
	lease int64 // as asked last, in milliseconds
	ends  int64 // in the time of the log; what it is at least, while the lease has not begun
	// until is when the lease ends at the earliest by the clock of who asked last, in
	// milliseconds since the Unix epoch; 0 if it is not known. It is for people.
	until  int64
	begun  bool
	at     int // its place among those that have begun, or have not
	holder string
}

// startWithin is how many milliseconds after the last move the time of the log is to be
// moved so that leases begin.
const startWithin = 1000

// claims are those of all entries.
type claims struct {
	bySeq   map[int64]*claim
	waiting []*claim // their leases have not begun; in no order
	running ending   // theirs have
}

func (c *claims) add(cl *claim) {
	c.bySeq[cl.seq] = cl
	c.place(cl)
}

func (c *claims) place(cl *claim) {
	if cl.begun {
		heap.Push(&c.running, cl)
		return
	}
	cl.at = len(c.waiting)
	c.waiting = append(c.waiting, cl)
}

func (c *claims) displace(cl *claim) {
	if cl.begun {
		heap.Remove(&c.running, cl.at)
		return
	}
	last := c.waiting[len(c.waiting)-1]
	c.waiting[cl.at], last.at = last, cl.at
	c.waiting[len(c.waiting)-1] = nil
	c.waiting = c.waiting[:len(c.waiting)-1]
}

func (c *claims) remove(cl *claim) {
	c.displace(cl)
	delete(c.bySeq, cl.seq)
}

// untilMs is when a lease ends that was asked for at a time, as far as that is one.
func untilMs(at, lease int64) int64 {
	if at <= 0 || at > math.MaxInt64/2 {
		return 0
	}
	return at + lease
}

// extend lets the lease begin again. It does not end before it would have.
func (c *claims) extend(cl *claim, lease, until int64) {
	c.displace(cl)
	cl.lease, cl.begun, cl.until = lease, false, max(cl.until, until)
	c.place(cl)
}

// pass begins the leases that wait and returns the claims that have ended by now, which
// are still there, by sequence number.
func (c *claims) pass(now int64) (ended []*claim) {
	for _, cl := range c.waiting {
		cl.begun, cl.ends = true, max(cl.ends, now+cl.lease)
		heap.Push(&c.running, cl)
	}
	clear(c.waiting)
	c.waiting = c.waiting[:0]
	for len(c.running) > 0 && c.running[0].ends <= now {
		ended = append(ended, heap.Pop(&c.running).(*claim))
	}
	for _, cl := range ended {
		delete(c.bySeq, cl.seq)
	}
	slices.SortFunc(ended, func(a, b *claim) int { return int(min(1, max(-1, a.seq-b.seq))) })
	return ended
}

// due is when the time of the log is to be moved next, in that time.
func (c *claims) due(now int64) int64 {
	due := int64(math.MaxInt64)
	if len(c.running) > 0 {
		due = c.running[0].ends
	}
	if len(c.waiting) > 0 {
		due = min(due, now+startWithin)
	}
	return due
}

// ending is a heap of claims by the end of their leases.
type ending []*claim

func (e ending) Len() int           { return len(e) }
func (e ending) Less(i, j int) bool { return e[i].ends < e[j].ends }

func (e ending) Swap(i, j int) {
	e[i], e[j] = e[j], e[i]
	e[i].at, e[j].at = i, j
}

func (e *ending) Push(cl any) {
	cl.(*claim).at = len(*e)
	*e = append(*e, cl.(*claim))
}

func (e *ending) Pop() any {
	last := len(*e) - 1
	cl := (*e)[last]
	(*e)[last] = nil
	*e = (*e)[:last]
	return cl
}
