package network

import (
	"cmp"
	"slices"
)

// Project lists what a site must have, definitions before what refers to them.
func (s *State) Project(site string) []*Object {
	var out []*Object
	for p, sites := range s.at {
		if _, ok := slices.BinarySearch(sites, site); ok {
			out = append(out, s.objects[p])
		}
	}
	return Order(out)
}

// Order sorts objects so that definitions come before what refers to them, and by path
// where that leaves a choice: equal objects have one order.
func Order(objects []*Object) []*Object {
	sorted := slices.SortedFunc(slices.Values(objects), func(a, b *Object) int { return cmp.Compare(a.Path, b.Path) })
	among, done := make(map[Path]*Object, len(sorted)), make(map[Path]bool, len(sorted))
	for _, o := range sorted {
		among[o.Path] = o
	}
	out := make([]*Object, 0, len(sorted))
	var visit func(o *Object)
	visit = func(o *Object) {
		if done[o.Path] {
			return
		}
		done[o.Path] = true
		for _, r := range o.References {
			if of := among[r]; of != nil {
				visit(of)
			}
		}
		out = append(out, o)
	}
	for _, o := range sorted {
		visit(o)
	}
	return out
}

// Compare tells what makes after of before.
func Compare(before, after []*Object) *Delivery {
	had, has := map[Path]*Object{}, map[Path]bool{}
	for _, o := range before {
		had[o.Path] = o
	}
	d := &Delivery{}
	for _, o := range Order(after) {
		has[o.Path] = true
		if old := had[o.Path]; old == nil || old.Hash != o.Hash {
			d.Puts = append(d.Puts, o)
		}
	}
	for _, o := range Order(before) {
		if !has[o.Path] {
			d.Removes = append(d.Removes, o.Path)
		}
	}
	slices.Reverse(d.Removes)
	return d
}
