package site

import (
	"cmp"
	"container/heap"

	"github.com/spanway/spanway/pkg/network"
)

// agenda is a set of paths and when each of them is due. The earliest comes first, and of those
// of one time the one whose path is first in order. What is asked of it costs the logarithm of
// how many it holds, for a full sync may put 100,000 objects into it.
type agenda struct {
	due   []due
	index map[network.Path]int // into due
}

type due struct {
	path network.Path
	at   int64 // in milliseconds of the log's clock
}

func newAgenda() *agenda { return &agenda{index: map[network.Path]int{}} }

// put adds a path, or moves the one it has to another time.
func (a *agenda) put(p network.Path, at int64) {
	i, has := a.index[p]
	if !has {
		heap.Push(a, due{p, at})
		return
	}
	a.due[i].at = at
	heap.Fix(a, i)
}

// remove takes a path out, if it has it.
func (a *agenda) remove(p network.Path) {
	if i, has := a.index[p]; has {
		heap.Remove(a, i)
	}
}

// first is what is due first; false: it is empty.
func (a *agenda) first() (due, bool) {
	if len(a.due) == 0 {
		return due{}, false
	}
	return a.due[0], true
}

// Len implements heap.Interface.
func (a *agenda) Len() int { return len(a.due) }

// Less implements heap.Interface.
func (a *agenda) Less(i, j int) bool {
	return cmp.Or(cmp.Compare(a.due[i].at, a.due[j].at), cmp.Compare(a.due[i].path, a.due[j].path)) < 0
}

// Swap implements heap.Interface.
func (a *agenda) Swap(i, j int) {
	a.due[i], a.due[j] = a.due[j], a.due[i]
	a.index[a.due[i].path], a.index[a.due[j].path] = i, j
}

// Push implements heap.Interface; put is what others call.
func (a *agenda) Push(x any) {
	d := x.(due)
	a.index[d.path] = len(a.due)
	a.due = append(a.due, d)
}

// Pop implements heap.Interface; remove is what others call.
func (a *agenda) Pop() any {
	last := a.due[len(a.due)-1]
	a.due = a.due[:len(a.due)-1]
	delete(a.index, last.path)
	return last
}
