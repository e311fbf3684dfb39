package predicate

import (
	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types/ref"
)

// Attribute is one thing that a predicate can read.
type Attribute uint8

// The attributes, by what they belong to and how often they change.
const (
	EngineSite Attribute = iota
	EnginePool
	EngineLabels
	EngineAllocatable
	EngineID
	EngineFree
	EngineRunningKinds
	EngineRunningTasks
	TaskID
	TaskKind
	TaskPool
	TaskPriority
	TaskTenant
	TaskNeeds
	TaskAttempt
	// Those of fold version 2.
	EngineUsed
	EngineNode
	EngineRunningNodeKinds
	EngineRunningNodeTasks
	attributes
)

// Reads is the set of attributes that a predicate reads.
type Reads uint32

// Has tells whether a is read.
func (r Reads) Has(a Attribute) bool { return r&(1<<a) != 0 }

// Live tells whether the verdict can change while the engine's registration does not.
func (r Reads) Live() bool {
	return r&(1<<EngineFree|1<<EngineRunningKinds|1<<EngineRunningTasks|1<<EngineUsed) != 0 || r.Node()
}

// Node tells whether the verdict can change with what runs on the other engines
// of the engine's node.
func (r Reads) Node() bool { return r&(1<<EngineRunningNodeKinds|1<<EngineRunningNodeTasks) != 0 }

// Single tells whether the verdict may differ between engines of equal labels,
// site, pool and allocatable.
func (r Reads) Single() bool { return r.Has(EngineID) || r.Has(EngineNode) || r.Live() }

// New tells whether it reads what fold version 1 does not know.
func (r Reads) New() bool { return r>>EngineUsed != 0 }

// Source gives the values of attributes to one evaluation. Every value must be
// of the attribute's type.
type Source interface {
	Value(Attribute) ref.Val
}

var (
	labelMap  = cel.MapType(cel.StringType, cel.DynType)
	vectorMap = cel.MapType(cel.StringType, cel.IntType)

	declared = [attributes]struct {
		name string
		typ  *cel.Type
	}{
		EngineSite:         {"engine.site", cel.StringType},
		EnginePool:         {"engine.pool", cel.StringType},
		EngineLabels:       {"engine.labels", labelMap},
		EngineAllocatable:  {"engine.allocatable", vectorMap},
		EngineID:           {"engine.id", cel.StringType},
		EngineFree:         {"engine.free", vectorMap},
		EngineRunningKinds: {"engine.running.kinds", cel.ListType(cel.StringType)},
		EngineRunningTasks: {"engine.running.tasks", cel.ListType(cel.StringType)},
		TaskID:             {"task.id", cel.StringType},
		TaskKind:           {"task.kind", cel.StringType},
		TaskPool:           {"task.pool", cel.StringType},
		TaskPriority:       {"task.priority", cel.IntType},
		TaskTenant:         {"task.tenant", cel.StringType},
		TaskNeeds:          {"task.needs", vectorMap},
		TaskAttempt:        {"task.attempt", cel.IntType},
		EngineUsed:         {"engine.used", vectorMap},
		EngineNode:         {"engine.node", cel.StringType},

		EngineRunningNodeKinds: {"engine.running.node_kinds", cel.ListType(cel.StringType)},
		EngineRunningNodeTasks: {"engine.running.node_tasks", cel.ListType(cel.StringType)},
	}
)

// ofTask tells whether a belongs to the task.
func (a Attribute) ofTask() bool { return a >= TaskID && a <= TaskAttempt }

// attributeNamed finds an attribute by the name that predicates use.
func attributeNamed(name string) (Attribute, bool) {
	for a := range declared {
		if declared[a].name == name {
			return Attribute(a), true
		}
	}
	return 0, false
}

// activation shows a Source to CEL.
type activation struct{ source Source }

func (a *activation) ResolveName(name string) (any, bool) {
	at, ok := attributeNamed(name)
	if !ok {
		return nil, false
	}
	return a.source.Value(at), true
}

func (a *activation) Parent() cel.Activation { return nil }
