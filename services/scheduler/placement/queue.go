package placement

import (
	"container/heap"
	"math"
)

// taskQueue holds a group's tasks, the first by order at its head. Tasks that
// come in order cost nothing; only those that return are sorted in. Entries
// that left the group are skipped when they come to the head.
type taskQueue struct {
	inOrder  fifo[*task]
	returned taskHeap
	newest   *task
}

func (q *taskQueue) push(t *task) {
	if q.inOrder.len() == 0 || q.newest.before(t) {
		q.inOrder.push(t)
		q.newest = t
		return
	}
	heap.Push(&q.returned, t)
}

// head is the first task that belongs to g, or nil.
func (q *taskQueue) head(g *group) *task {
	for q.inOrder.len() > 0 && (*q.inOrder.front()).group != g {
		q.inOrder.pop()
	}
	for len(q.returned) > 0 && q.returned[0].group != g {
		heap.Pop(&q.returned)
	}
	switch {
	case q.inOrder.len() == 0 && len(q.returned) == 0:
		q.newest = nil
		return nil
	case len(q.returned) == 0:
		return *q.inOrder.front()
	case q.inOrder.len() == 0 || q.returned[0].before(*q.inOrder.front()):
		return q.returned[0]
	}
	return *q.inOrder.front()
}

// oldest is since when the one has waited that has for longest, or math.MaxInt64. Whoever
// came back from an engine may be the first and has waited for less; what is in order is
// looked at up to the first that never did.
func (q *taskQueue) oldest(g *group) int64 {
	oldest := int64(math.MaxInt64)
	for _, t := range q.inOrder.all() {
		if t.group != g {
			continue
		}
		oldest = min(oldest, t.waitsFrom())
		if t.waitsFrom() == t.waitsSince() {
			break
		}
	}
	for _, t := range q.returned {
		if t.group == g {
			oldest = min(oldest, t.waitsFrom())
		}
	}
	return oldest
}

// compact drops entries that left the group once they are the most.
func (q *taskQueue) compact(g *group) {
	if q.inOrder.len()+len(q.returned) <= 2*g.live+64 {
		return
	}
	old := *q
	*q = taskQueue{}
	for old.inOrder.len() > 0 {
		if t := old.inOrder.pop(); t.group == g {
			q.push(t)
		}
	}
	for _, t := range old.returned {
		if t.group == g {
			q.push(t)
		}
	}
}

// taskHeap orders tasks by who goes first.
type taskHeap []*task

func (h taskHeap) Len() int           { return len(h) }
func (h taskHeap) Less(i, j int) bool { return h[i].before(h[j]) }
func (h taskHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *taskHeap) Push(x any)        { *h = append(*h, x.(*task)) }
func (h *taskHeap) Pop() any          { return pop(h) }

// timerHeap orders tasks by when something is due for them.
type timerHeap []*task

func (h timerHeap) Len() int { return len(h) }
func (h timerHeap) Less(i, j int) bool {
	if h[i].due != h[j].due {
		return h[i].due < h[j].due
	}
	return h[i].seq < h[j].seq
}
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].timer, h[j].timer = int32(i+1), int32(j+1)
}
func (h *timerHeap) Push(x any) {
	t := x.(*task)
	*h = append(*h, t)
	t.timer = int32(len(*h))
}
func (h *timerHeap) Pop() any {
	t := pop((*[]*task)(h))
	t.timer = 0
	return t
}

func (h *timerHeap) start(t *task, due int64) {
	t.due = due
	heap.Push(h, t)
}

func (h *timerHeap) stop(t *task) {
	if t.timer > 0 {
		heap.Remove(h, int(t.timer-1))
	}
}

// groupHeap orders a lane's groups by their heads.
type groupHeap []*group

func (h groupHeap) Len() int           { return len(h) }
func (h groupHeap) Less(i, j int) bool { return h[i].first.before(h[j].first) }
func (h groupHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i]; h[i].pos, h[j].pos = i, j }
func (h *groupHeap) Push(x any)        { g := x.(*group); g.pos = len(*h); *h = append(*h, g) }
func (h *groupHeap) Pop() any          { g := pop(h); g.pos = -1; return g }

func pop[S ~[]E, E any](h *S) E {
	last := len(*h) - 1
	x := (*h)[last]
	var zero E
	(*h)[last] = zero
	*h = (*h)[:last]
	return x
}

// tree is a heap of what knows its own place in it, which is 0 outside and else
// one more than its index.
type tree[T any] struct {
	items []T
	less  func(a, b T) bool
	at    func(T) *int
}

// keep puts x where it belongs: in, if that is wanted, in order, or out.
func (h *tree[T]) keep(x T, wanted bool) {
	at := h.at(x)
	switch {
	case wanted && *at == 0:
		h.items = append(h.items, x)
		*at = len(h.items)
		h.up(*at - 1)
	case wanted:
		h.fix(*at - 1)
	case *at > 0:
		i := *at - 1
		last := pop(&h.items)
		*at = 0
		if i < len(h.items) {
			h.set(i, last)
			h.fix(i)
		}
	}
}

func (h *tree[T]) set(i int, x T) {
	h.items[i] = x
	*h.at(x) = i + 1
}

func (h *tree[T]) fix(i int) {
	if !h.down(i) {
		h.up(i)
	}
}

func (h *tree[T]) up(i int) {
	x := h.items[i]
	for i > 0 && h.less(x, h.items[(i-1)/2]) {
		h.set(i, h.items[(i-1)/2])
		i = (i - 1) / 2
	}
	h.set(i, x)
}

func (h *tree[T]) down(i int) bool {
	x, from := h.items[i], i
	for {
		child := 2*i + 1
		if child >= len(h.items) {
			break
		}
		if child+1 < len(h.items) && h.less(h.items[child+1], h.items[child]) {
			child++
		}
		if !h.less(h.items[child], x) {
			break
		}
		h.set(i, h.items[child])
		i = child
	}
	h.set(i, x)
	return i > from
}
