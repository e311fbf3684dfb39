package admission

import (
	"cmp"
	"slices"
	"time"
)

// Standing is how a snapshot stands.
type Standing struct {
	Phase Phase
	// Place is its place in the line, from 1 on, of so many that wait; 0 if it does not wait.
	Place, Line int
	// Failures are those in a row.
	Failures int
	// Again is when it asks again, while it pauses; else zero.
	Again time.Time
}

// Standing tells how the snapshot of a copy stands: one of no Phase if it has not asked.
func (a *Admission) Standing(id string) Standing {
	s := a.all[id]
	if s == nil {
		return Standing{}
	}
	is := Standing{Phase: s.phase, Failures: s.failures}
	switch s.phase {
	case Waiting:
		line := a.in[Waiting] // Its numbers rise.
		i, _ := slices.BinarySearchFunc(line, s.number, func(other *snapshot, n int64) int { return cmp.Compare(other.number, n) })
		is.Place, is.Line = i+1, len(line)
	case Pausing:
		is.Again = s.again
	}
	return is
}
