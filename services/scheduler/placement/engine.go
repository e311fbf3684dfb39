package placement

import (
	"encoding/binary"
	"maps"
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
)

type engineStatus uint8

const (
	ready engineStatus = iota
	draining
	lost
	departed
)

func (s engineStatus) String() string {
	return [...]string{"ready", "draining", "lost", "departed"}[s]
}

// engine is the newest incarnation of an engine. One that is gone stays known
// for a while, so that its reports are recognised as old.
type engine struct {
	id, incarnation string
	registered      *events.Engine
	class           *class
	// index is a small number, unique among the pool's present engines.
	index int
	// allocatable and free by dimension; below 0: has no such dimension.
	allocatable, free []int64
	// used is what was observed last, at observedAt; nil if nothing was. room is what
	// a task may need: free, and of what was observed no more than is left.
	used, room []int64
	observedAt int64
	// node is the one that it says it runs on, while it is present; nil if none.
	node   *node
	status engineStatus
	reason string
	// leaving: it announced that it will depart.
	leaving      bool
	registeredAt int64
	changedAtMs  int64
	first, last  *task
	attempts     int
	// reservedFor is the task that it is held for, and since when.
	reservedFor *task
	reservedAt  int64

	// What follows is not folded. lastBeat is when it was heard of last, unmeasured
	// how many heartbeats since left out some of what is used.
	lastBeat   int64
	unmeasured int
	// version of the pool at its last change, and its neighbours in the list by
	// that; see matcher.
	version      uint64
	older, newer *engine
}

func (e *engine) present() bool { return e.status <= draining }

// class is what engines have in common that no predicate can tell apart
// without reading engine.id or what changes.
type class struct {
	key string
	// like is what all of them say of themselves.
	like        *events.Engine
	index       int
	site        ref.Val
	labels      ref.Val
	allocatable ref.Val
	kinds       map[string]struct{}
	// accepts is what its engines accept; nil: everything.
	accepts *predicate.Predicate
}

// labelFields shows labels to a predicate.
type labelFields struct {
	values map[string]ref.Val
	names  []string
}

// Find implements predicate.Fields.
func (f *labelFields) Find(name string) (ref.Val, bool) { v, ok := f.values[name]; return v, ok }

// Names implements predicate.Fields.
func (f *labelFields) Names() []string { return f.names }

// classOf interns the class of an engine; labels that cannot be shown are left
// out (a registration with such labels was refused).
func (p *pool) classOf(m *events.Engine) *class {
	key := classKey(m)
	if c, ok := p.classes[key]; ok {
		return c
	}
	c := p.newClass(m)
	p.classes[key] = c
	p.classList = append(p.classList, c)
	return c
}

// newClass makes the class of an engine, which is the pool's next if it is interned.
func (p *pool) newClass(m *events.Engine) *class {
	labels := &labelFields{values: make(map[string]ref.Val, len(m.Labels))}
	for name, v := range m.Labels {
		if val, err := predicate.FromLabel(v); err == nil {
			labels.values[name] = val
		}
	}
	labels.names = slices.Sorted(maps.Keys(labels.values))
	c := &class{
		key: classKey(m), like: shared(m), index: len(p.classList), site: types.String(m.Site), labels: predicate.Map(labels),
		allocatable: predicate.Map(vector{&p.dims, p.amounts(m.Allocatable)}),
		kinds:       make(map[string]struct{}, len(m.Kinds)),
	}
	for _, k := range m.Kinds {
		c.kinds[k] = struct{}{}
	}
	if accepts := p.acceptsOf(m); accepts.Text() != "" {
		c.accepts = accepts
	}
	return c
}

// acceptsOf is what an engine accepts of tasks.
func (p *pool) acceptsOf(m *events.Engine) *predicate.Predicate {
	accepts, err := p.predicates.Accepts(m.Accepts)
	if err != nil { // Registered under other limits: nothing.
		return predicate.Never(m.Accepts)
	}
	return accepts
}

// classKey is equal for engines that differ only in who they are.
func classKey(m *events.Engine) string {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(shared(m))
	if err != nil { // Invalid UTF-8 cannot have come over the wire; such an engine is alone in its class.
		b = binary.AppendUvarint([]byte(m.Id), 0)
	}
	return string(b)
}

// shared is what engines of one class say alike.
func shared(m *events.Engine) *events.Engine {
	kinds := slices.Clone(m.Kinds)
	slices.Sort(kinds)
	return &events.Engine{
		Pool: m.Pool, Site: m.Site, Labels: m.Labels, Allocatable: m.Allocatable, Kinds: slices.Compact(kinds),
		Accepts: m.Accepts,
	}
}

// amounts turns a map into amounts by dimension.
func (p *pool) amounts(m map[string]int64) []int64 {
	var v []int64
	for _, name := range slices.Sorted(maps.Keys(m)) {
		i := int(p.dims.of(name))
		for len(v) <= i {
			v = append(v, -1)
		}
		v[i] = m[name]
	}
	return v
}

// measure sets what is observed as used; nil: nothing is.
func (e *engine) measure(used []int64) {
	if e.used, e.room = used, e.free; used == nil {
		return
	}
	e.room = make([]int64, len(e.free))
	for dim := range e.room {
		e.room[dim] = e.roomIn(dim)
	}
}

// roomIn is what a task may need of a dimension: what is free, and where usage is
// observed no more than that leaves.
func (e *engine) roomIn(dim int) int64 {
	if e.used[dim] < 0 {
		return e.free[dim]
	}
	return min(e.free[dim], e.allocatable[dim]-e.used[dim])
}

// changed follows when t took what it needs, or gave it back.
func (e *engine) changed(t *task) {
	if e.node != nil {
		e.node.changes++
	}
	if e.used == nil {
		return // room is free.
	}
	for _, n := range t.tmpl.shape.needs {
		if int(n.dim) < len(e.room) {
			e.room[n.dim] = e.roomIn(int(n.dim))
		}
	}
}

// reserve takes what t needs and lists its attempt.
func (e *engine) reserve(t *task) {
	for _, n := range t.tmpl.shape.needs {
		if int(n.dim) < len(e.free) {
			e.free[n.dim] -= n.amount
		}
	}
	e.changed(t)
	t.engine, t.lastEngine, t.attemptPrev, t.attemptNext = e, e.id, e.last, nil
	if e.last != nil {
		e.last.attemptNext = t
	} else {
		e.first = t
	}
	e.last = t
	e.attempts++
}

// release gives back what t holds.
func (e *engine) release(t *task) {
	for _, n := range t.tmpl.shape.needs {
		if int(n.dim) < len(e.free) {
			e.free[n.dim] += n.amount
		}
	}
	e.changed(t)
	if t.attemptPrev != nil {
		t.attemptPrev.attemptNext = t.attemptNext
	} else {
		e.first = t.attemptNext
	}
	if t.attemptNext != nil {
		t.attemptNext.attemptPrev = t.attemptPrev
	} else {
		e.last = t.attemptPrev
	}
	t.engine, t.attemptPrev, t.attemptNext = nil, nil, nil
	e.attempts--
}
