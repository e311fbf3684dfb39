package proof

import (
	"math/rand/v2"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Corruptions of what fold version 2 has: what engines accept, measured use,
// times, limits, dependencies, reservations.
var wholeCorruptions = []corruption{
	change("nothing is accepted", "G4", usedLater, func(_ *evidence, _ int, m *events.EngineRegistered) proto.Message {
		m.Engine.Accepts = `task.kind == "fly"`
		return m
	}),
	change("more is used", "G3", func(l *evidence, at int, m *events.EngineObserved) bool {
		for i := at + 1; i < len(l.messages); i++ {
			switch n := l.messages[i].(type) {
			case *events.TaskAssigned:
				if n.EngineId == m.EngineId {
					return true
				}
			case *events.EngineObserved:
				if n.EngineId == m.EngineId {
					return false
				}
			case *events.EngineRegistered:
				if n.Engine.Id == m.EngineId {
					return false
				}
			}
		}
		return false
	}, func(_ *evidence, _ int, m *events.EngineObserved) proto.Message {
		m.Used = map[string]int64{"slots": 1 << 40}
		return m
	}),
	change("too early", "G4", assignedLater, func(_ *evidence, _ int, m *events.TaskAccepted) proto.Message {
		m.Task.NotBeforeMs = 1 << 50
		return m
	}),
	{"beyond the limit", "G3", func(r *rand.Rand, l *evidence) map[int]proto.Message {
		changes := map[int]proto.Message{}
		for _, task := range l.overlap(r) {
			m := proto.CloneOf(l.messages[l.accepted[task]].(*events.TaskAccepted))
			m.Task.LimitKey, m.Task.Limit = "forged", 1
			changes[l.accepted[task]] = m
		}
		return changes
	}},
	{"before what it waits for", "G4", func(r *rand.Rand, l *evidence) map[int]proto.Message {
		tasks := l.overlap(r)
		m := proto.CloneOf(l.messages[l.accepted[tasks[1]]].(*events.TaskAccepted))
		m.Task.After = append(m.Task.After, tasks[0])
		return map[int]proto.Message{l.accepted[tasks[1]]: m}
	}},
	inPlace("reserved for another", "G4", func(l *evidence, at int, _ *events.TaskStarted) proto.Message {
		i := at + 1
		for ; i < len(l.messages); i++ {
			if _, ok := l.messages[i].(*events.TaskAssigned); ok {
				break
			}
		}
		if i == len(l.messages) {
			return nil
		}
		next := l.messages[i].(*events.TaskAssigned)
		waits := l.waitsBefore(next.TaskId, i)
		if waits == "" {
			return nil
		}
		return &events.TaskReserved{TaskId: waits, Pool: blue, EngineId: next.EngineId, Incarnation: next.Incarnation}
	}),
	change("the raise taken away", "G5", always[*events.LogFoldVersionRaised], func(*evidence, int, *events.LogFoldVersionRaised) proto.Message { return nil }),
}

// overlap finds two tasks of which the first ran when the second was assigned.
func (l *evidence) overlap(r *rand.Rand) [2]string {
	var second string
	first := l.any(r, func(at int) bool {
		m, ok := l.messages[at].(*events.TaskAssigned)
		if !ok {
			return false
		}
		for i := at + 1; i < l.result[m.Token]; i++ {
			if n, ok := l.messages[i].(*events.TaskAssigned); ok {
				second = n.TaskId
				return true
			}
		}
		return false
	})
	return [2]string{l.messages[first].(*events.TaskAssigned).TaskId, second}
}

// waitsBefore finds a task that waits at a place, is never assigned before it, and
// goes before another in order, whoever their tenants are.
func (l *evidence) waitsBefore(task string, at int) string {
	other := l.messages[l.accepted[task]].(*events.TaskAccepted)
	for i := at - 1; i > max(at-3000, 0); i-- {
		m, ok := l.messages[i].(*events.TaskAccepted)
		if !ok || m.Task.Priority <= other.Task.Priority || orderOf(m) >= orderOf(other) {
			continue
		}
		given, end := l.given[m.Task.Id], l.ended[m.Task.Id]
		if (len(given) == 0 || given[0] > at) && (end == 0 || end > at) {
			return m.Task.Id
		}
	}
	return ""
}

// orderOf: who has less goes first.
func orderOf(m *events.TaskAccepted) int64 {
	return max(m.AtMs, m.Task.NotBeforeMs) - int64(m.Task.Priority)*60_000
}
