package shared

import (
	"encoding/binary"
	"math"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// fold is the production fold around a toy core, maybe bent by a mutant.
type fold struct {
	*sharedlog.Fold
	core *toy
	bend func(f *fold, l *events.Logged)
	// bare: its snapshots hold no calls.
	bare bool
}

// horizon is that of the story: short, so that much comes too late.
const horizon = 80

// newFold returns a fold of nothing.
func (s *story) newFold() *fold {
	core := &toy{early: s.mutant.earlyLeases, floorless: s.mutant.floorless}
	bound := int64(horizon)
	if s.mutant.wideHorizon {
		bound = math.MaxInt64 / 4
	}
	return &fold{Fold: sharedlog.NewFold(core, bound), core: core, bend: s.mutant.bend, bare: s.mutant.bareSnapshots}
}

// Apply implements eventlog.Fold.
func (f *fold) Apply(l events.Logged) {
	if f.bend != nil && l.Call != nil {
		called := *l.Call
		l.Call = &called
		f.bend(f, &l)
	}
	f.Fold.Apply(l)
}

// Snapshot implements eventlog.Fold.
func (f *fold) Snapshot(dst []byte) []byte {
	if !f.bare {
		return f.Fold.Snapshot(dst)
	}
	now, moved := f.Now()
	dst = append(dst, byte(f.FoldVersion()))
	dst = binary.AppendUvarint(dst, uint64(now))
	dst = binary.AppendUvarint(dst, uint64(moved+1))
	return f.core.Snapshot(append(dst, 1, 0, 0)) // One code, which is empty, and no calls.
}

// callID is that of a call as it was made: mutants make others of it by the last byte.
func callID(id sharedlog.CallID) sharedlog.CallID {
	id[len(id)-1] = 0
	return id
}

var _ eventlog.Fold = (*fold)(nil)
