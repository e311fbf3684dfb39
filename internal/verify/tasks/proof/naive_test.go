package proof

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// recount is the state after a prefix of the log, made from nothing, in the
// simplest way that there is.
type recount struct {
	engines  map[string]*events.Engine // present
	draining map[string]bool
	used     map[string]map[string]int64
	reserved map[string]string               // engine to task
	tasks    map[string]*events.TaskAccepted // not ended
	order    map[string]int                  // of acceptance, of those
	good     map[string]bool                 // those that succeeded
	accepted int64
	given    int64
	on       map[string]string // task to engine
}

func count(log []proto.Message) *recount {
	c := &recount{
		engines: map[string]*events.Engine{}, draining: map[string]bool{}, used: map[string]map[string]int64{},
		reserved: map[string]string{}, tasks: map[string]*events.TaskAccepted{}, order: map[string]int{}, good: map[string]bool{},
		on: map[string]string{},
	}
	for _, m := range log {
		c.take(m)
	}
	return c
}

func (c *recount) take(m proto.Message) {
	switch m := m.(type) {
	case *events.TaskAccepted:
		c.accepted++
		c.tasks[m.Task.Id], c.order[m.Task.Id] = m, int(c.accepted)
	case *events.TaskAssigned:
		c.given++
		c.on[m.TaskId] = m.EngineId
		c.release(m.TaskId)
	case *events.TaskReserved:
		c.release(m.TaskId)
		c.reserved[m.EngineId] = m.TaskId
	case *events.TaskAttemptFailed:
		delete(c.on, m.TaskId)
	case *events.TaskAttemptReturned:
		delete(c.on, m.TaskId)
	case *events.TaskAssignmentRefused:
		delete(c.on, m.TaskId)
	case *events.TaskSucceeded:
		c.good[m.TaskId] = true
		c.ended(m.TaskId)
	case *events.TaskFailed:
		c.ended(m.TaskId)
	case *events.TaskExpired:
		c.ended(m.TaskId)
	case *events.TaskCancelled:
		c.ended(m.TaskId)
	case *events.TaskDeadLettered:
		c.ended(m.TaskId)
	default:
		c.takeEngine(m)
	}
}

func (c *recount) takeEngine(m proto.Message) {
	switch m := m.(type) {
	case *events.EngineRegistered:
		c.without(m.Engine.Id)
		c.engines[m.Engine.Id] = m.Engine
	case *events.EngineObserved:
		c.used[m.EngineId] = m.Used
	case *events.EngineLost:
		c.without(m.EngineId)
	case *events.EngineDeparted:
		c.without(m.EngineId)
	case *events.EngineDraining:
		if e := c.engines[m.EngineId]; e != nil && e.Incarnation == m.Incarnation {
			c.draining[m.EngineId] = true
			delete(c.reserved, m.EngineId)
		}
	case *events.EngineResumed:
		if e := c.engines[m.EngineId]; e != nil && e.Incarnation == m.Incarnation {
			delete(c.draining, m.EngineId)
		}
	}
}

func (c *recount) ended(task string) {
	delete(c.on, task)
	delete(c.tasks, task)
	delete(c.order, task)
	c.release(task)
}

// release frees what is reserved for a task.
func (c *recount) release(task string) {
	maps.DeleteFunc(c.reserved, func(_, reserved string) bool { return reserved == task })
}

func (c *recount) without(engine string) {
	delete(c.engines, engine)
	delete(c.draining, engine)
	delete(c.used, engine)
	delete(c.reserved, engine)
	maps.DeleteFunc(c.on, func(_, on string) bool { return on == engine })
}

// free is what an engine has left, by a look at every task that runs.
func (c *recount) free() map[string]map[string]int64 {
	free := map[string]map[string]int64{}
	for id, e := range c.engines {
		free[id] = maps.Clone(e.Allocatable)
	}
	for task, engine := range c.on {
		for dimension, n := range needs(c.tasks[task].Task) {
			free[engine][dimension] -= n
		}
	}
	return free
}

func needs(t *events.Task) map[string]int64 {
	if len(t.GetNeeds()) == 0 {
		return map[string]int64{"slots": 1}
	}
	return t.GetNeeds()
}

// capacity is G3.
func (c *recount) capacity() error {
	for id, dimensions := range c.free() {
		for dimension, n := range dimensions {
			if n < 0 {
				return fmt.Errorf("engine %s has %d of %s", id, n, dimension)
			}
		}
	}
	return nil
}

// match is G4, of an assignment that comes next.
func (c *recount) match(m *events.TaskAssigned, texts map[string]expr) error {
	e, accepted := c.engines[m.EngineId], c.tasks[m.TaskId]
	if e == nil || accepted == nil {
		return fmt.Errorf("engine %v, task %v", e, accepted)
	}
	t := accepted.Task
	if e.Incarnation != m.Incarnation || c.draining[m.EngineId] || !slices.Contains(e.Kinds, t.Kind) {
		return fmt.Errorf("incarnation %s, draining %v, kinds %v", e.Incarnation, c.draining[m.EngineId], e.Kinds)
	}
	s := c.scene(e, t)
	s.task.attempt = int64(m.Attempt)
	if is := texts[t.Predicate].eval(s); is != yes {
		return fmt.Errorf("%s is %v", t.Predicate, is)
	}
	if is := texts[e.Accepts].eval(s); is != yes {
		return fmt.Errorf("accepted by %s: %v", e.Accepts, is)
	}
	for dimension, n := range needs(t) {
		if used, ok := c.used[e.Id][dimension]; ok && n > 0 && used+n > e.Allocatable[dimension] {
			return fmt.Errorf("needs %d of %s, %d are used", n, dimension, used)
		}
	}
	return c.ready(m, accepted)
}

// ready is what the task and the engine wait for.
func (c *recount) ready(m *events.TaskAssigned, accepted *events.TaskAccepted) error {
	t, same := accepted.Task, 0
	for task := range c.on {
		if other := c.tasks[task].Task; other.LimitKey == t.LimitKey {
			same++
		}
	}
	if t.LimitKey != "" && same >= int(t.Limit) {
		return fmt.Errorf("%d run with key %s; the limit is %d", same, t.LimitKey, t.Limit)
	}
	for _, id := range t.After {
		if !c.good[id] {
			return fmt.Errorf("%s has not succeeded", id)
		}
	}
	if m.AtMs < t.NotBeforeMs {
		return fmt.Errorf("at %d, not before %d", m.AtMs, t.NotBeforeMs)
	}
	held, ok := c.tasks[c.reserved[m.EngineId]]
	if !ok || held == accepted {
		return nil
	}
	own, others := orderOf(accepted), orderOf(held)
	if own > others || own == others && c.order[t.Id] > c.order[held.Task.Id] {
		return fmt.Errorf("reserved for %s", held.Task.Id)
	}
	return nil
}

func (c *recount) scene(e *events.Engine, t *events.Task) *scene {
	s := &scene{
		id: e.Id, site: e.Site, node: e.Node, labels: map[string]any{}, allocatable: e.Allocatable, free: c.free()[e.Id], used: c.used[e.Id],
		task: &subject{kind: t.Kind, tenant: t.Tenant, priority: int64(t.Priority), needs: needs(t)},
	}
	for key, v := range e.Labels {
		switch v := v.AsInterface().(type) {
		case float64:
			s.labels[key] = int64(v)
		case []any:
			list := []string{}
			for _, item := range v {
				list = append(list, item.(string))
			}
			s.labels[key] = list
		default:
			s.labels[key] = v
		}
	}
	for task, engine := range c.on {
		kind := c.tasks[task].Task.Kind
		if engine == e.Id {
			s.tasks, s.kinds = append(s.tasks, task), append(s.kinds, kind)
		}
		if engine == e.Id || e.Node != "" && c.engines[engine].Node == e.Node {
			s.nodeTasks, s.nodeKinds = append(s.nodeTasks, task), append(s.nodeKinds, kind)
		}
	}
	return s
}
