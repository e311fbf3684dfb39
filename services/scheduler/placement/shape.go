package placement

import (
	"encoding/binary"
	"maps"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

// dims gives the dimensions of capacity small numbers, so that vectors are slices.
type dims struct {
	index map[string]int32
	names []string
}

func (d *dims) of(name string) int32 {
	if i, ok := d.index[name]; ok {
		return i
	}
	i := int32(len(d.names))
	d.index[name] = i
	d.names = append(d.names, name)
	return i
}

// need is an amount of one dimension.
type need struct {
	dim    int32
	amount int64
}

// shape is a vector of needs, shared by all tasks that need the same.
type shape struct {
	key string
	// needs are sorted by the dimension's name.
	needs []need
	refs  int
}

var defaultNeeds = map[string]int64{"slots": 1}

// shapeOf returns the pool's shape of those needs; none means one slot.
func (p *pool) shapeOf(needs map[string]int64) *shape {
	if len(needs) == 0 {
		needs = defaultNeeds
	}
	var space [4]need
	entries := space[:0]
	if len(needs) == 1 { // The common case, without sorting.
		for name, amount := range needs {
			entries = append(entries, need{p.dims.of(name), amount})
		}
	} else {
		for _, name := range slices.Sorted(maps.Keys(needs)) {
			entries = append(entries, need{p.dims.of(name), needs[name]})
		}
	}
	return p.internShape(entries)
}

// internShape returns the pool's shape of those needs, which are sorted.
func (p *pool) internShape(entries []need) *shape {
	var space [64]byte
	key := space[:0]
	for _, n := range entries {
		key = binary.AppendUvarint(key, uint64(n.dim))
		key = binary.AppendVarint(key, n.amount)
	}
	if s, ok := p.shapes[string(key)]; ok {
		return s
	}
	s := &shape{key: string(key), needs: slices.Clone(entries)}
	p.shapes[s.key] = s
	return s
}

// fits tells whether free has at least what s needs.
func (s *shape) fits(free []int64) bool {
	for _, n := range s.needs {
		if n.amount > 0 && (int(n.dim) >= len(free) || free[n.dim] < n.amount) {
			return false
		}
	}
	return true
}

// toMap is the shape as events carry it.
func (s *shape) toMap(d *dims) map[string]int64 {
	m := make(map[string]int64, len(s.needs))
	for _, n := range s.needs {
		m[d.names[n.dim]] = n.amount
	}
	return m
}

// vector is a slice of amounts by dimension; below 0 means: has no such dimension.
type vector struct {
	dims   *dims
	values []int64
}

// Find implements predicate.Fields.
func (v vector) Find(name string) (ref.Val, bool) {
	i, ok := v.dims.index[name]
	if !ok || int(i) >= len(v.values) || v.values[i] < 0 {
		return nil, false
	}
	return types.Int(v.values[i]), true
}

// Names implements predicate.Fields.
func (v vector) Names() []string {
	var names []string
	for i, x := range v.values {
		if x >= 0 {
			names = append(names, v.dims.names[i])
		}
	}
	slices.Sort(names)
	return names
}

// shapeFields shows a shape to a predicate.
type shapeFields struct {
	dims  *dims
	shape *shape
}

// Find implements predicate.Fields.
func (f shapeFields) Find(name string) (ref.Val, bool) {
	i, ok := f.dims.index[name]
	for _, n := range f.shape.needs {
		if ok && n.dim == i {
			return types.Int(n.amount), true
		}
	}
	return nil, false
}

// Names implements predicate.Fields.
func (f shapeFields) Names() []string {
	names := make([]string, len(f.shape.needs))
	for i, n := range f.shape.needs {
		names[i] = f.dims.names[n.dim]
	}
	return names
}
