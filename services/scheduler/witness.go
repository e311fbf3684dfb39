package scheduler

import (
	"fmt"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// witnesses compares what engines say to have read of the log with what the owner
// knows to count. An engine that has read more tells of a tail that was lost. It is
// used by the owner's goroutine alone.
type witnesses struct {
	// epoch and n are those of the newest event that counts.
	epoch, n uint32
	seen     *eventlog.WitnessError
}

func (w *witnesses) owned(epoch uint32)  { w.epoch, w.n, w.seen = epoch, 0, nil }
func (w *witnesses) appended(events int) { w.n += uint32(events) }

// look notes what an input says.
func (w *witnesses) look(prepared input) {
	engine, epoch, n, ok := placement.Received(prepared)
	if !ok || epoch < w.epoch || epoch == w.epoch && n <= w.n {
		return
	}
	if w.seen == nil || epoch > w.seen.Epoch || epoch == w.seen.Epoch && n > w.seen.N {
		w.seen = &eventlog.WitnessError{Epoch: epoch, N: n, Witness: fmt.Sprintf("engine %q", engine)}
	}
}

// take returns what was seen since it was last asked.
func (w *witnesses) take() error {
	if w.seen == nil {
		return nil
	}
	seen := w.seen
	w.seen = nil
	return seen
}
