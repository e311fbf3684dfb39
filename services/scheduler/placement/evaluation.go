package placement

import (
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"

	"github.com/spanway/spanway/pkg/predicate"
)

// asker is what predicates see of a task.
type asker struct {
	id, kind, tenant string
	priority         int32
	attempt          int32
	shape            *shape
}

func askerOf(t *task) asker {
	return asker{
		id: t.id, kind: t.tmpl.kind, tenant: t.tmpl.tenant, priority: t.tmpl.priority,
		attempt: t.attempt(), shape: t.tmpl.shape,
	}
}

// evaluation is what a predicate sees: a task, and a class or an engine of it.
type evaluation struct {
	pool   *pool
	class  *class
	engine *engine // nil if only the class is read
	task   asker
}

// Value implements predicate.Source.
func (v *evaluation) Value(a predicate.Attribute) ref.Val {
	switch a {
	case predicate.EngineSite:
		return v.class.site
	case predicate.EnginePool, predicate.TaskPool:
		return types.String(v.pool.name)
	case predicate.EngineLabels:
		return v.class.labels
	case predicate.EngineAllocatable:
		return v.class.allocatable
	case predicate.EngineID:
		return types.String(v.engine.id)
	case predicate.EngineFree:
		return predicate.Map(vector{&v.pool.dims, v.engine.free})
	case predicate.EngineRunningKinds:
		return v.running(func(t *task) string { return t.tmpl.kind })
	case predicate.EngineRunningTasks:
		return v.running(func(t *task) string { return t.id })
	case predicate.EngineUsed:
		return predicate.Map(vector{&v.pool.dims, v.engine.used})
	case predicate.EngineNode:
		return types.String(v.engine.registered.Node)
	case predicate.EngineRunningNodeKinds:
		if v.engine.node != nil {
			return v.engine.node.runningKinds()
		}
		return v.Value(predicate.EngineRunningKinds)
	case predicate.EngineRunningNodeTasks:
		if v.engine.node != nil {
			return v.engine.node.runningTasks()
		}
		return v.Value(predicate.EngineRunningTasks)
	case predicate.TaskID:
		return types.String(v.task.id)
	case predicate.TaskKind:
		return types.String(v.task.kind)
	case predicate.TaskPriority:
		return types.Int(v.task.priority)
	case predicate.TaskTenant:
		return types.String(v.task.tenant)
	case predicate.TaskNeeds:
		return predicate.Map(shapeFields{&v.pool.dims, v.task.shape})
	case predicate.TaskAttempt:
		return types.Int(v.task.attempt)
	}
	return types.NewErr("no such attribute")
}

// running lists something of every attempt on the engine, sorted, each once.
func (v *evaluation) running(of func(*task) string) ref.Val {
	list := make([]string, 0, v.engine.attempts)
	for t := v.engine.first; t != nil; t = t.attemptNext {
		list = append(list, of(t))
	}
	slices.Sort(list)
	return types.NewStringList(types.DefaultTypeAdapter, slices.Compact(list))
}
