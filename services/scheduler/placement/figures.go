package placement

import "github.com/spanway/spanway/pkg/events"

// Figures are a partition's gauges, and the count of predicate evaluations
// made to place tasks since the State was made.
type Figures struct {
	Waiting, Running, Engines, Evaluations int64
}

// Figures gives the figures of all pools together. It costs nothing.
func (s *State) Figures() Figures {
	f := Figures{Evaluations: int64(s.evaluations)}
	for _, p := range s.order {
		f.Waiting += int64(p.waiting)
		f.Running += int64(p.running)
		f.Engines += int64(p.present)
	}
	return f
}

// Evaluations counts how often a predicate was evaluated to place tasks.
func (s *State) Evaluations() uint64 { return s.evaluations }

// PoolFigures are one pool's gauges.
type PoolFigures struct {
	Pool                      events.Pool
	Waiting, Running, Engines int
}

// Pools gives every pool's gauges, in the order of their first appearance.
func (s *State) Pools() []PoolFigures {
	out := make([]PoolFigures, len(s.order))
	for i, p := range s.order {
		out[i] = PoolFigures{Pool: p.name, Waiting: p.waiting, Running: p.running, Engines: p.present}
	}
	return out
}

// AssignmentPartitions lists the partitions of the assignments that present
// engines read, ascending: where echoes must go. The caller must not change it.
func (s *State) AssignmentPartitions() []int32 {
	if s.partitions != nil {
		return s.partitions
	}
	var used [events.AssignmentPartitions]bool
	for _, p := range s.order {
		for _, e := range p.byIndex {
			if e != nil {
				used[events.EnginePartition(events.EngineID(e.id))] = true
			}
		}
	}
	s.partitions = []int32{}
	for i, yes := range used {
		if yes {
			s.partitions = append(s.partitions, int32(i))
		}
	}
	return s.partitions
}
