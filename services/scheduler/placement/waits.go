package placement

import "math"

// Waits is why the tasks of a partition wait, and what its engines have.
type Waits struct {
	// Reasons counts the waiting tasks, those of replaced pools by nothing else. What would take an evaluation to tell apart is one:
	// NotBefore is also After and Backoff, PredicateFalse also KindUnhandled,
	// UnknownAttribute, NotAccepted and Impossible; Explain tells of one task which.
	Reasons map[Reason]int64
	// OldestMs is since when the one waits that could be assigned for longest, in
	// milliseconds since the Unix epoch; 0 if there is none. It begins anew when an attempt
	// is over, after a pause, and when what the task waited for has succeeded.
	OldestMs int64
	// Capacity is that of engines that take tasks, by the dimension's name.
	Capacity map[string]Capacity
}

// Capacity is what engines have of one dimension, and what of it is promised to attempts.
type Capacity struct{ Allocatable, Promised int64 }

// Waits looks at each group of waiting tasks, at those that did not come in order, and at
// each engine, once. It evaluates nothing.
func (s *State) Waits() Waits {
	w := Waits{Reasons: map[Reason]int64{}, Capacity: map[string]Capacity{}}
	for _, p := range s.order {
		p.count(&w)
		if p.replaced {
			w.add(Replaced, p.waiting)
			continue
		}
		if p.match == nil {
			w.add(NotRead, p.waiting)
			continue
		}
		w.add(NotBefore, p.waiting-p.match.count(&w))
	}
	return w
}

func (w *Waits) add(why Reason, tasks int) {
	if tasks > 0 {
		w.Reasons[why] += int64(tasks)
	}
}

// count adds what the pool's engines have.
func (p *pool) count(w *Waits) {
	for _, e := range p.byIndex {
		if e == nil || e.status != ready {
			continue
		}
		for i, has := range e.allocatable {
			if has < 0 {
				continue
			}
			c := w.Capacity[p.dims.names[i]]
			c.Allocatable += has
			c.Promised += has - e.free[i]
			w.Capacity[p.dims.names[i]] = c
		}
	}
}

// count adds the tasks that could be assigned, and gives their number.
func (m *matcher) count(w *Waits) (tasks int) {
	var present bitset
	for _, e := range m.p.byIndex {
		if e != nil {
			present.set(e.class.index)
		}
	}
	for _, f := range m.filterList {
		why := NoCapacity
		switch {
		case m.p.present == 0:
			why = NoEngine
		case !f.classes.meets(present):
			why = PredicateFalse
		}
		for _, g := range f.groups {
			if g.live == 0 {
				continue
			}
			tasks += g.live
			if g.parked {
				w.add(AtLimit, g.live)
			} else {
				w.add(why, g.live)
			}
			if oldest := g.queue.oldest(g); oldest < math.MaxInt64 && (w.OldestMs == 0 || oldest < w.OldestMs) {
				w.OldestMs = oldest
			}
		}
	}
	return tasks
}
