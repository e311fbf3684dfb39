package proof

import (
	"math/rand/v2"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// corruption breaks one guarantee in a log: it gives the records to change, by
// their offset, with what is to stand there; nil removes an event's effect.
type corruption struct {
	name  string
	rules string // under which it may be found
	make  func(r *rand.Rand, l *evidence) map[int]proto.Message
}

// change is a corruption that changes one event of a type, at random among those
// that will do.
func change[M proto.Message](name, rules string, will func(l *evidence, at int, m M) bool, how func(l *evidence, at int, m M) proto.Message) corruption {
	return corruption{name, rules, func(r *rand.Rand, l *evidence) map[int]proto.Message {
		at := l.any(r, func(at int) bool {
			m, ok := l.messages[at].(M)
			return ok && will(l, at, m)
		})
		return map[int]proto.Message{at: how(l, at, proto.CloneOf(l.messages[at].(M)))}
	}}
}

// inPlace is a corruption that puts another event in the place of a task.started,
// which nobody misses.
func inPlace(name, rules string, other func(l *evidence, at int, m *events.TaskStarted) proto.Message) corruption {
	return corruption{name, rules, func(r *rand.Rand, l *evidence) map[int]proto.Message {
		at := l.any(r, func(at int) bool {
			m, ok := l.messages[at].(*events.TaskStarted)
			return ok && other(l, at, m) != nil
		})
		return map[int]proto.Message{at: other(l, at, l.messages[at].(*events.TaskStarted))}
	}}
}

func always[M any](*evidence, int, M) bool { return true }

// assignedLater: the task is given to an engine further down.
func assignedLater(l *evidence, at int, m *events.TaskAccepted) bool {
	given := l.given[m.Task.Id]
	return len(given) > 0 && given[0] > at
}

// usedLater: this incarnation is given a task further down.
func usedLater(l *evidence, at int, m *events.EngineRegistered) bool {
	return slices.ContainsFunc(l.onEngine[m.Engine.Id], func(i int) bool {
		return i > at && l.messages[i].(*events.TaskAssigned).Incarnation == m.Engine.Incarnation
	})
}

// endsWell: the attempt brings a result.
func endsWell(l *evidence, _ int, m *events.TaskAssigned) bool { return l.result[m.Token] > 0 }

var corruptions = []corruption{
	change("another engine than the one that brings the result", "G2 G3 G4", endsWell, func(l *evidence, at int, m *events.TaskAssigned) proto.Message {
		for i := at - 1; i >= 0; i-- { // What was given another task just before is there.
			if o, ok := l.messages[i].(*events.TaskAssigned); ok && o.EngineId != m.EngineId {
				m.EngineId, m.Incarnation = o.EngineId, o.Incarnation
				break
			}
		}
		return m
	}),
	change("another incarnation", "G4", always[*events.TaskAssigned], func(_ *evidence, _ int, m *events.TaskAssigned) proto.Message {
		m.Incarnation += "x"
		return m
	}),
	change("a token that was given", "G2", func(_ *evidence, _ int, m *events.TaskAssigned) bool { return m.Token > 1 },
		func(_ *evidence, _ int, m *events.TaskAssigned) proto.Message { m.Token--; return m }),
	change("a view of long ago", "G4", always[*events.TaskAssigned], func(_ *evidence, _ int, m *events.TaskAssigned) proto.Message {
		m.View = 1
		return m
	}),
	change("needs inflated", "G3 G4", assignedLater, func(_ *evidence, _ int, m *events.TaskAccepted) proto.Message {
		m.Task.Needs = map[string]int64{"slots": 1000}
		return m
	}),
	change("needs what no engine has", "G3 G4", assignedLater, func(_ *evidence, _ int, m *events.TaskAccepted) proto.Message {
		m.Task.Needs = map[string]int64{"slots": 1, "qubits": 1}
		return m
	}),
	change("another kind", "G4", assignedLater, func(_ *evidence, _ int, m *events.TaskAccepted) proto.Message {
		m.Task.Kind = "fly"
		return m
	}),
	change("the predicate negated", "G4", func(l *evidence, at int, m *events.TaskAccepted) bool {
		return m.Task.Predicate != "" && assignedLater(l, at, m)
	}, func(_ *evidence, _ int, m *events.TaskAccepted) proto.Message {
		m.Task.Predicate = "!(" + m.Task.Predicate + ")"
		return m
	}),
	change("an acceptance taken away", "G1 G2", assignedLater, func(*evidence, int, *events.TaskAccepted) proto.Message { return nil }),
	change("allocatable shrunk", "G3 G4", usedLater, func(_ *evidence, _ int, m *events.EngineRegistered) proto.Message {
		m.Engine.Allocatable["slots"] = 0
		return m
	}),
	change("its kinds taken away", "G4", usedLater, func(_ *evidence, _ int, m *events.EngineRegistered) proto.Message {
		m.Engine.Kinds = nil
		return m
	}),
	change("a registration taken away", "G4", usedLater, func(*evidence, int, *events.EngineRegistered) proto.Message { return nil }),
	change("a loss taken away", "G2 G3 G4", func(l *evidence, at int, _ *events.EngineLost) bool { return l.moved[at] },
		func(*evidence, int, *events.EngineLost) proto.Message { return nil }),
	change("a result's token", "G2", always[*events.TaskSucceeded], func(_ *evidence, _ int, m *events.TaskSucceeded) proto.Message {
		m.Token++
		return m
	}),
	change("another engine's result", "G2", always[*events.TaskSucceeded], func(_ *evidence, _ int, m *events.TaskSucceeded) proto.Message {
		m.EngineId += "0"
		return m
	}),
	change("a failure's token", "G2", always[*events.TaskAttemptFailed], func(_ *evidence, _ int, m *events.TaskAttemptFailed) proto.Message {
		m.Token--
		return m
	}),
	change("a report on what never was", "G6", always[*events.TaskStaleResultRejected], func(_ *evidence, _ int, m *events.TaskStaleResultRejected) proto.Message {
		m.Token += 1 << 40
		return m
	}),
	inPlace("an assignment doubled", "G2", func(l *evidence, at int, m *events.TaskStarted) proto.Message {
		return l.messages[l.newest(m.TaskId, at)]
	}),
	inPlace("a result doubled", "G2", func(l *evidence, at int, _ *events.TaskStarted) proto.Message {
		for i := at - 1; i > at-2000 && i >= 0; i-- {
			if m, ok := l.messages[i].(*events.TaskSucceeded); ok {
				return m
			}
		}
		return nil
	}),
	inPlace("ended twice", "G1", func(l *evidence, at int, _ *events.TaskStarted) proto.Message {
		for i := at - 1; i > at-2000 && i >= 0; i-- {
			if m, ok := l.messages[i].(*events.TaskExpired); ok {
				return &events.TaskCancelled{TaskId: m.TaskId, Pool: m.Pool}
			}
		}
		return nil
	}),
	inPlace("drained before an assignment", "G4", func(l *evidence, at int, _ *events.TaskStarted) proto.Message {
		for i := at + 1; i < len(l.messages); i++ {
			switch m := l.messages[i].(type) {
			case *events.TaskAssigned:
				return &events.EngineDraining{EngineId: m.EngineId, Pool: m.Pool, Incarnation: m.Incarnation}
			case *events.EngineRegistered, *events.EngineResumed:
				return nil
			}
		}
		return nil
	}),
}

// evidence is a sound log, and what is where in it.
type evidence struct {
	records  []events.Record
	messages []proto.Message
	accepted map[string]int   // the acceptance of a task
	ended    map[string]int   // its end
	given    map[string][]int // its assignments
	onEngine map[string][]int // those to an engine
	result   map[uint64]int   // the result under a token
	moved    map[int]bool     // losses of engines that took work away which was given elsewhere later
}

func (l *evidence) index() {
	l.accepted, l.ended, l.given, l.onEngine = map[string]int{}, map[string]int{}, map[string][]int{}, map[string][]int{}
	l.result, l.moved = map[uint64]int{}, map[int]bool{}
	on, lostAt := map[string]string{}, map[string]int{}
	for at, m := range l.messages {
		switch m := m.(type) {
		case *events.TaskAccepted:
			l.accepted[m.Task.Id] = at
		case *events.TaskAssigned:
			l.given[m.TaskId] = append(l.given[m.TaskId], at)
			l.onEngine[m.EngineId] = append(l.onEngine[m.EngineId], at)
			if loss, ok := lostAt[m.TaskId]; ok {
				l.moved[loss] = true
				delete(lostAt, m.TaskId)
			}
			on[m.TaskId] = m.EngineId
		case *events.EngineLost:
			for task, engine := range on {
				if engine == m.EngineId {
					lostAt[task] = at
				}
			}
		case *events.EngineRegistered: // Frees what the one before had, too.
			for task, engine := range on {
				if engine == m.Engine.Id {
					delete(on, task)
				}
			}
		case *events.TaskSucceeded:
			l.result[m.Token] = at
			l.ended[m.TaskId] = at
			delete(on, m.TaskId)
		case *events.TaskAttemptFailed, *events.TaskAttemptReturned, *events.TaskAssignmentRefused:
			delete(on, m.(interface{ GetTaskId() string }).GetTaskId())
		case *events.TaskFailed, *events.TaskExpired, *events.TaskCancelled, *events.TaskDeadLettered:
			task := m.(interface{ GetTaskId() string }).GetTaskId()
			l.ended[task] = at
			delete(on, task)
		}
	}
}

// any is a random place that will do.
func (l *evidence) any(r *rand.Rand, will func(at int) bool) int {
	from := r.IntN(len(l.messages))
	for i := range l.messages {
		if at := (from + i) % len(l.messages); will(at) {
			return at
		}
	}
	panic("the story has no such place") // A mistake in this file.
}

// newest is the last assignment of a task before a place.
func (l *evidence) newest(task string, before int) int {
	given := l.given[task]
	i, _ := slices.BinarySearch(given, before)
	return given[i-1]
}
