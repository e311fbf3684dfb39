package placement

import (
	"cmp"
	"slices"
)

// Suggestion is one change of a task after which engines could take it.
type Suggestion struct {
	// Drop is the clause of the predicate to leave out, or empty.
	Drop string `json:"drop,omitempty"`
	// Need is the dimension to ask less of, To how much to ask at most.
	Need string `json:"need,omitempty"`
	To   int64  `json:"to,omitempty"`
	// Engines that could take it then, WithCapacity those of them with room now.
	Engines      int `json:"engines"`
	WithCapacity int `json:"with_capacity"`
}

// maxSuggestions bounds the suggestions of each kind.
const maxSuggestions = 3

// suggest finds the single changes that would give the task an engine, the best
// first. It looks at what was found of every engine and evaluates no predicate: an
// engine with one clause false would take the task without that clause.
func (ex *explainer) suggest() []Suggestion {
	switch ex.x.Reason {
	case PredicateFalse, UnknownAttribute:
		return ex.suggestDrop()
	case Impossible:
		return ex.suggestLess(func(e *engine) []int64 { return e.allocatable })
	case NoCapacity:
		return append(ex.suggestLess(func(e *engine) []int64 { return e.room }), ex.suggestDrop()...)
	}
	return nil
}

// suggestDrop proposes to leave out a clause, if that gives an engine that is not
// there with it; with room, if engines without room are there already.
func (ex *explainer) suggestDrop() []Suggestion {
	if len(ex.clauses) < 2 {
		return nil // Without its only clause it is another task.
	}
	byText := make(map[string]*Suggestion, len(ex.x.Clauses))
	var out []*Suggestion
	for _, f := range ex.x.Engines {
		if f.Result != FindPredicate || len(f.FalseClauses) != 1 {
			continue
		}
		e := ex.p.engines[f.Engine]
		if e == nil || !ex.accepted(e, &evaluation{pool: ex.p, class: e.class, engine: e, task: askerOf(ex.t)}, &Finding{}) {
			continue // Without the clause it would still not take it.
		}
		text := f.FalseClauses[0]
		s := byText[text]
		if s == nil {
			s = &Suggestion{Drop: text}
			byText[text] = s
			out = append(out, s)
		}
		s.Engines++
		if ex.t.tmpl.shape.fits(e.room) {
			s.WithCapacity++
		}
	}
	return ex.best(out)
}

// suggestLess proposes to need less of one dimension: as much as the engine has
// that has most of it, of those that are short of nothing else.
func (ex *explainer) suggestLess(has func(*engine) []int64) []Suggestion {
	var out []*Suggestion
	for _, n := range ex.t.tmpl.shape.needs {
		s := &Suggestion{Need: ex.p.dims.names[n.dim]}
		for _, f := range ex.x.Engines {
			e := ex.p.engines[f.Engine]
			if f.Result != FindCapacity || e == nil {
				continue
			}
			amounts := has(e)
			if int(n.dim) >= len(amounts) || amounts[n.dim] >= n.amount || !ex.shortOnlyOf(n, amounts) {
				continue
			}
			to := amounts[n.dim]
			if to > s.To {
				s.To, s.Engines, s.WithCapacity = to, 0, 0
			}
			if to == s.To {
				s.Engines++
				if int(n.dim) < len(e.room) && e.room[n.dim] >= to && ex.shortOnlyOf(n, e.room) {
					s.WithCapacity++
				}
			}
		}
		if s.To > 0 {
			out = append(out, s)
		}
	}
	return ex.best(out)
}

// shortOnlyOf tells whether the task would fit if it needed nothing of n's dimension.
func (ex *explainer) shortOnlyOf(n need, amounts []int64) bool {
	for _, other := range ex.t.tmpl.shape.needs {
		if other.dim != n.dim && other.amount > 0 && (int(other.dim) >= len(amounts) || amounts[other.dim] < other.amount) {
			return false
		}
	}
	return true
}

// best returns the suggestions that help, those with most room first.
func (ex *explainer) best(found []*Suggestion) []Suggestion {
	var out []Suggestion
	for _, s := range found {
		if s.WithCapacity > 0 || s.Engines > 0 && ex.x.Reason != NoCapacity {
			out = append(out, *s)
		}
	}
	slices.SortStableFunc(out, func(a, b Suggestion) int {
		return cmp.Or(cmp.Compare(b.WithCapacity, a.WithCapacity), cmp.Compare(b.Engines, a.Engines))
	})
	return out[:min(len(out), maxSuggestions)]
}
