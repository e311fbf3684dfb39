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
	tasks    map[string]*events.Task // not ended
	accepted int64
	given    int64
	on       map[string]string // task to engine
}

func count(log []proto.Message) *recount {
	c := &recount{
		engines: map[string]*events.Engine{}, draining: map[string]bool{}, tasks: map[string]*events.Task{}, on: map[string]string{},
	}
	for _, m := range log {
		c.take(m)
	}
	return c
}

func (c *recount) take(m proto.Message) {
	switch m := m.(type) {
	case *events.EngineRegistered:
		c.without(m.Engine.Id)
		c.engines[m.Engine.Id] = m.Engine
	case *events.EngineLost:
		c.without(m.EngineId)
	case *events.EngineDeparted:
		c.without(m.EngineId)
	case *events.EngineDraining:
		if e := c.engines[m.EngineId]; e != nil && e.Incarnation == m.Incarnation {
			c.draining[m.EngineId] = true
		}
	case *events.EngineResumed:
		if e := c.engines[m.EngineId]; e != nil && e.Incarnation == m.Incarnation {
			delete(c.draining, m.EngineId)
		}
	case *events.TaskAccepted:
		c.accepted++
		c.tasks[m.Task.Id] = m.Task
	case *events.TaskAssigned:
		c.given++
		c.on[m.TaskId] = m.EngineId
	case *events.TaskAttemptFailed:
		delete(c.on, m.TaskId)
	case *events.TaskAttemptReturned:
		delete(c.on, m.TaskId)
	case *events.TaskAssignmentRefused:
		delete(c.on, m.TaskId)
	case *events.TaskSucceeded:
		c.ended(m.TaskId)
	case *events.TaskFailed:
		c.ended(m.TaskId)
	case *events.TaskExpired:
		c.ended(m.TaskId)
	case *events.TaskCancelled:
		c.ended(m.TaskId)
	case *events.TaskDeadLettered:
		c.ended(m.TaskId)
	}
}

func (c *recount) ended(task string) {
	delete(c.on, task)
	delete(c.tasks, task)
}

func (c *recount) without(engine string) {
	delete(c.engines, engine)
	delete(c.draining, engine)
	maps.DeleteFunc(c.on, func(_, on string) bool { return on == engine })
}

// free is what an engine has left, by a look at every task that runs.
func (c *recount) free() map[string]map[string]int64 {
	free := map[string]map[string]int64{}
	for id, e := range c.engines {
		free[id] = maps.Clone(e.Allocatable)
	}
	for task, engine := range c.on {
		for dimension, n := range needs(c.tasks[task]) {
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
	e, t := c.engines[m.EngineId], c.tasks[m.TaskId]
	switch {
	case e == nil || t == nil:
		return fmt.Errorf("engine %v, task %v", e, t)
	case e.Incarnation != m.Incarnation || c.draining[m.EngineId] || !slices.Contains(e.Kinds, t.Kind):
		return fmt.Errorf("incarnation %s, draining %v, kinds %v", e.Incarnation, c.draining[m.EngineId], e.Kinds)
	}
	if t.Predicate == "" {
		return nil
	}
	if is := texts[t.Predicate].eval(c.scene(e, t)); is != yes {
		return fmt.Errorf("%s is %v", t.Predicate, is)
	}
	return nil
}

func (c *recount) scene(e *events.Engine, t *events.Task) *scene {
	s := &scene{
		id: e.Id, site: e.Site, labels: map[string]any{}, allocatable: e.Allocatable, free: c.free()[e.Id],
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
		if engine == e.Id {
			s.tasks, s.kinds = append(s.tasks, task), append(s.kinds, c.tasks[task].Kind)
		}
	}
	return s
}
