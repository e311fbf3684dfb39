package placement

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
)

// ordered is what a reader knows from the events alone about limits,
// dependencies and reservations: that is what assignments are judged by.
type ordered struct {
	tasks    map[string]*events.Task
	running  map[string]bool
	success  map[string]bool
	reserved map[string]string
	ready    map[string]bool
	// replaced: the pool was, and nothing is taken over since; what it had went on elsewhere.
	replaced bool
}

func newOrdered() *ordered {
	return &ordered{tasks: map[string]*events.Task{}, running: map[string]bool{}, success: map[string]bool{}, reserved: map[string]string{}, ready: map[string]bool{}}
}

// orderRandom draws what concerns the order of a request.
func (c *chaos) orderRandom(r *events.TaskRequested) {
	if c.draw(4, "limited") == 0 {
		r.LimitKey, r.Limit = fmt.Sprintf("key%d", c.draw(2, "key")), proto.Int32(int32(1+c.draw(2, "limit")))
	}
	if c.draw(4, "large") == 0 { // So that something is passed over.
		r.Needs["slots"] = structpb.NewNumberValue(float64(3 + c.draw(2, "slots")))
		r.Predicate = ""
	}
	if c.draw(4, "after") == 0 {
		for range 1 + c.draw(2, "more") {
			r.After = append(r.After, fmt.Sprintf("t%d", c.draw(c.submitted+3, "dependency")))
		}
	}
}

func (c *chaos) configureRandom() {
	c.send(&events.PoolConfigureRequested{Pool: blue, Settings: &events.PoolSettings{
		TenantWeights: map[string]int32{"acme": int32(1 + c.draw(3, "weight"))}, ReserveAfterMs: []int64{-1, 0, 10, 200, 200}[c.draw(5, "reserve")],
	}})
}

// follow notes an event after it was judged.
func (o *ordered) follow(m proto.Message) {
	over := func(id string) {
		delete(o.running, id)
		for e, t := range o.reserved {
			if t == id {
				delete(o.reserved, e)
			}
		}
	}
	switch m := m.(type) {
	case *events.TaskAccepted:
		o.tasks[m.Task.Id] = m.Task
	case *events.TaskAssigned:
		over(m.TaskId)
		o.running[m.TaskId] = true
	case *events.TaskReserved:
		o.reserved[m.EngineId] = m.TaskId
	case *events.TaskSucceeded:
		o.success[m.TaskId] = true
		over(m.TaskId)
	case *events.TaskAttemptFailed:
		delete(o.running, m.TaskId)
	case *events.TaskAttemptReturned:
		delete(o.running, m.TaskId)
	case *events.TaskAssignmentRefused:
		delete(o.running, m.TaskId)
	case *events.TaskFailed:
		over(m.TaskId)
	case *events.TaskExpired:
		over(m.TaskId)
	case *events.TaskCancelled:
		over(m.TaskId)
	case *events.TaskDeadLettered:
		over(m.TaskId)
	case *events.PoolReplaced:
		o.replaced = true
	case *events.PoolPromoted:
		if o.replaced {
			clear(o.reserved)
		}
		o.replaced = false
	case *events.EngineRegistered:
		delete(o.reserved, m.Engine.Id)
	case *events.EngineDraining:
		delete(o.reserved, m.EngineId)
	case *events.EngineLost:
		delete(o.reserved, m.EngineId)
	case *events.EngineDeparted:
		delete(o.reserved, m.EngineId)
	}
}

// judgeOrder is called before an assignment is folded.
func (c *chaos) judgeOrder(m *events.TaskAssigned, p *pool) {
	task, n := c.order.tasks[m.TaskId], 0
	for id := range c.order.running {
		if t := p.tasks[id]; t != nil && t.status == assigned && c.order.tasks[id].LimitKey == task.LimitKey {
			n++
		}
	}
	if task.LimitKey != "" && n >= int(task.Limit) {
		c.t.Fatalf("%s is assigned although %d of %q run, and its limit is %d", m.TaskId, n, task.LimitKey, task.Limit)
	}
	for _, id := range task.After {
		if !c.order.success[id] {
			c.t.Fatalf("%s is assigned before %s, after which it comes, has succeeded", m.TaskId, id)
		}
	}
	if holder := p.tasks[c.order.reserved[m.EngineId]]; holder != nil && holder.id != m.TaskId && !p.tasks[m.TaskId].before(holder) {
		c.t.Fatalf("%s is assigned to %s, which is reserved for %s, and comes later", m.TaskId, m.EngineId, holder.id)
	}
}

func (c *chaos) judgeReserved(m *events.TaskReserved, p *pool) {
	ready := 0
	for _, e := range p.byIndex {
		if e != nil && e.status == 0 {
			ready++
		}
	}
	t, e := p.tasks[m.TaskId], p.engines[m.EngineId]
	switch {
	case len(c.order.reserved) >= max(1, ready/4):
		c.t.Fatalf("%d engines of %d are reserved, and another is", len(c.order.reserved), ready)
	case c.order.reserved[m.EngineId] != "" || e.status != 0 || e.incarnation != m.Incarnation:
		c.t.Fatalf("%s is reserved for %s, and cannot be", m.EngineId, m.TaskId)
	case t.status != waiting || t.fate != none || t.notBefore > m.AtMs || t.dependent():
		c.t.Fatalf("an engine is reserved for %s, which waits for something else", m.TaskId)
	case !t.tmpl.shape.fits(e.allocatable):
		c.t.Fatalf("%s is reserved for %s, which is too large for it", m.EngineId, m.TaskId)
	}
}

// heldBack tells whether something other than engines keeps t from e.
func heldBack(p *pool, t *task, e *engine) bool {
	n := 0
	for _, o := range p.tasks {
		if o.status == assigned && o.tmpl.limitKey == t.tmpl.limitKey {
			n++
		}
	}
	if t.tmpl.limitKey != "" && n >= int(t.tmpl.limit) || t.dependent() {
		return true
	}
	return e.reservedFor != nil && e.reservedFor != t && !t.before(e.reservedFor)
}

// checkOrder compares counters with a recount, and the reservations that are
// folded with those that the events tell.
func (c *chaos) checkOrder(p *pool) {
	for key, l := range p.limits {
		n := 0
		for _, t := range p.tasks {
			if t.status == assigned && t.tmpl.limitKey == key {
				n++
			}
		}
		if n != l.running {
			c.t.Fatalf("%d of %q run, the pool says %d", n, key, l.running)
		}
	}
	for _, e := range p.reserved {
		if e.reservedFor == nil || c.order.reserved[e.id] != e.reservedFor.id {
			c.t.Fatalf("%s is held for %v, by the events for %q", e.id, e.reservedFor, c.order.reserved[e.id])
		}
	}
	if len(p.reserved) != len(c.order.reserved) {
		c.t.Fatalf("%d engines are held, by the events %d", len(p.reserved), len(c.order.reserved))
	}
	for t := p.first; t != nil; t = t.next {
		if !t.dependent() {
			continue
		}
		for _, id := range t.extra.after {
			if d := p.dependencies[id]; d == nil || !slices.Contains(d.waiting, t) {
				c.t.Fatalf("%s waits for %s, which does not know", t.id, id)
			}
		}
	}
}
