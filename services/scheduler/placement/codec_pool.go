package placement

import (
	"slices"
	"sort"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

// The fewest bytes that things take: no bound of theirs, but of how many there
// can be.
const (
	leastPool   = 12
	leastClass  = 8
	leastEngine = 12
	leastTask   = 9
	leastEnded  = 19
)

// table is what the codec knows of a pool.
type table struct {
	p *pool
	// templates that were visited, each visited whole once.
	templates []*template
	numbers   map[*template]int
	// live tasks that were read, by seq.
	live []*task
}

// pool visits a pool; the reader makes it.
func (c *codec) pool(p *pool) {
	name := events.Pool("")
	if !c.reading {
		name = p.name
	}
	c.text((*string)(&name))
	if c.reading {
		if !c.expect(c.s.pools[name] == nil, "another pool") {
			return
		}
		p = c.s.poolOf(name)
	}
	tb := &table{p: p, numbers: make(map[*template]int)}
	c.tables = append(c.tables, tb)
	counter(c, &p.seq)
	counter(c, &p.token)
	number(c, &p.cursor)
	c.dims(&p.dims)
	c.classes(p)
	c.engines(p)
	dictionary(c, &p.drains, c.drain)
	list(c, &p.largest, 1, c.vector)
	c.live(tb)
	c.attempts(tb)
	c.owing(tb)
	c.order(tb)
	if c.s.version >= foldImports {
		c.imports(tb)
	}
}

func (c *codec) dims(d *dims) {
	n := c.length(len(d.names), 1)
	for i := 0; i < n && c.err == nil; i++ {
		var name string
		if !c.reading {
			name = d.names[i]
		}
		c.word(&name)
		if c.reading {
			c.expect(int(d.of(name)) == i, "a new dimension")
		}
	}
}

func (c *codec) vector(v *[]int64) {
	list(c, v, 1, func(x *int64) { number(c, x) })
}

// classes are visited for their order: their number is what evaluations cost.
func (c *codec) classes(p *pool) {
	n := c.length(len(p.classList), leastClass)
	for i := 0; i < n && c.err == nil; i++ {
		like := &events.Engine{Pool: string(p.name)}
		if !c.reading {
			like = p.classList[i].like
		}
		c.registration(like)
		if c.reading {
			c.expect(p.classOf(like).index == i, "a new class")
		}
	}
}

// engines are visited in the order in which they are known, and then by index.
func (c *codec) engines(p *pool) {
	list(c, &p.known, leastEngine, func(e **engine) {
		if c.reading {
			*e = &engine{registered: &events.Engine{Pool: string(p.name)}}
		}
		c.engine(*e)
		if c.reading && c.err == nil {
			c.know(p, *e)
		}
	})
	number := make(map[*engine]int, p.present)
	for i, e := range p.known {
		number[e] = i + 1
	}
	list(c, &p.byIndex, 1, func(e **engine) {
		n := int(c.uvarint(uint64(number[*e])))
		if !c.reading || n == 0 {
			return
		}
		if c.expect(n > 0 && n <= len(p.known), "the number of an engine") {
			*e = p.known[n-1]
			c.expect((*e).present(), "a present engine")
		}
	})
	if c.reading && c.err == nil {
		c.index(p)
	}
}

func (c *codec) drain(d *drain) {
	c.word(&d.reason)
	number(c, &d.offset)
}

func (c *codec) engine(e *engine) {
	c.registration(e.registered)
	one(c, &e.status, departed)
	c.bits(&e.leaving)
	c.word(&e.reason)
	number(c, &e.registeredAt)
	number(c, &e.changedAtMs)
	c.vector(&e.used)
	number(c, &e.observedAt)
}

// know completes an engine that was read. What its attempts hold is taken when
// those are read.
func (c *codec) know(p *pool, e *engine) {
	e.id, e.incarnation = e.registered.Id, e.registered.Incarnation
	e.class = p.classes[classKey(e.registered)]
	if e.class == nil { // It is gone, and its class was forgotten.
		c.expect(!e.present(), "a known class")
		e.class = p.newClass(e.registered)
	}
	e.allocatable = p.amounts(e.registered.Allocatable)
	e.free = slices.Clone(e.allocatable)
	if c.expect(len(e.used) == 0 || len(e.used) == len(e.allocatable), "what is used of each dimension") {
		e.measure(e.used)
	}
	c.expect(p.engines[e.id] == nil, "another engine")
	p.engines[e.id] = e
	if e.present() {
		p.present++
		p.settleOn(e, e.registered.Node)
	}
}

// index numbers the engines that were read.
func (c *codec) index(p *pool) {
	seen := make(map[*engine]bool, p.present)
	for i, e := range p.byIndex {
		if e != nil && c.expect(!seen[e], "each engine once") {
			e.index, seen[e] = i, true
		}
	}
	c.expect(len(seen) == p.present, "an index for each present engine")
}

// registration visits what an engine, or a class of them, said of itself.
func (c *codec) registration(m *events.Engine) {
	c.text(&m.Id)
	c.text(&m.Incarnation)
	c.word(&m.Site)
	dictionary(c, &m.Labels, func(v **structpb.Value) { c.value(v, 0) })
	dictionary(c, &m.Allocatable, func(n *int64) { number(c, n) })
	list(c, &m.Kinds, 1, c.word)
	number(c, &m.AssignmentsPartition)
	number(c, &m.AssignmentsFrom)
	c.word(&m.Accepts)
	c.word(&m.Node)
}

// Kinds of values. Others, which no registration has, are written as absent.
const (
	valueAbsent uint8 = iota
	valueFalse
	valueTrue
	valueNumber
	valueText
	valueList
)

// maxValueDepth bounds lists in lists.
const maxValueDepth = 8

func (c *codec) value(v **structpb.Value, depth int) {
	kind := valueAbsent
	if !c.reading {
		kind = kindOf(*v)
	}
	if depth > maxValueDepth {
		kind = valueAbsent
	}
	one(c, &kind, valueList)
	switch kind {
	case valueAbsent:
		if c.reading {
			*v = structpb.NewNullValue()
		}
	case valueFalse, valueTrue:
		if c.reading {
			*v = structpb.NewBoolValue(kind == valueTrue)
		}
	case valueNumber:
		x := (*v).GetNumberValue()
		if c.float(&x); c.reading {
			*v = structpb.NewNumberValue(x)
		}
	case valueText:
		x := (*v).GetStringValue()
		if c.word(&x); c.reading {
			*v = structpb.NewStringValue(x)
		}
	case valueList:
		if !c.expect(depth < maxValueDepth, "fewer lists in lists") {
			return
		}
		items := (*v).GetListValue().GetValues()
		list(c, &items, 1, func(item **structpb.Value) { c.value(item, depth+1) })
		if c.reading {
			*v = structpb.NewListValue(&structpb.ListValue{Values: items})
		}
	}
}

func kindOf(v *structpb.Value) uint8 {
	switch k := v.GetKind().(type) {
	case *structpb.Value_BoolValue:
		if k.BoolValue {
			return valueTrue
		}
		return valueFalse
	case *structpb.Value_NumberValue:
		return valueNumber
	case *structpb.Value_StringValue:
		return valueText
	case *structpb.Value_ListValue:
		return valueList
	}
	return valueAbsent
}

// attempts of each engine are visited in the order of their assignment.
func (c *codec) attempts(tb *table) {
	p := tb.p
	for _, e := range p.byIndex {
		if e == nil {
			continue
		}
		var base uint64
		t := e.first
		for n := c.length(e.attempts, 1); n > 0 && c.err == nil; n-- {
			next := c.ref(tb, t, &base)
			if !c.reading {
				t = t.attemptNext
				continue
			}
			if c.expect(next != nil && next.status == assigned && next.engine == nil, "an assigned task without engine") {
				e.reserve(next)
				p.running++
				p.occupy(next.tmpl.limiter)
			}
		}
	}
	for _, t := range tb.live { // None if this is the writer.
		if t.status == waiting {
			p.queued(t)
		} else {
			c.expect(t.engine != nil, "an engine for each assigned task")
		}
	}
}

// owing visits what owes an event to the log, in the order in which it does.
func (c *codec) owing(tb *table) {
	p := tb.p
	n := c.length(p.owes, 1)
	var base uint64
	if !c.reading {
		for _, d := range p.owing.all() {
			if d.open() {
				c.ref(tb, d.task, &base)
			}
		}
		return
	}
	for ; n > 0 && c.err == nil; n-- {
		t := c.ref(tb, nil, &base)
		if c.expect(t != nil && t.fate != none && t.owed == 0, "a task that owes an event") {
			f := t.fate
			t.fate = none
			p.owe(t, f)
		}
	}
	for _, t := range tb.live {
		c.expect(t.fate == none || t.owed > 0, "a place for each task that owes an event")
	}
}

// ref visits a live task by its number; nil if there is none with the one read.
func (c *codec) ref(tb *table, t *task, base *uint64) *task {
	var seq uint64
	if t != nil {
		seq = t.seq
	}
	if delta(c, &seq, base); !c.reading {
		return t
	}
	i := sort.Search(len(tb.live), func(i int) bool { return tb.live[i].seq >= seq })
	if i < len(tb.live) && tb.live[i].seq == seq {
		return tb.live[i]
	}
	return nil
}
