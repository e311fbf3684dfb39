package owners

import (
	"context"
	"fmt"
	"slices"

	"github.com/spanway/spanway/internal/sim"
)

// two watches that, once the log can be folded from two snapshots, it always can,
// but for what a power cut spoils. Most runs survive the loss of one of them, so
// how they end tells little of who pruned wrongly.
type two struct {
	had   bool
	jobs  int // so many had begun when a snapshot was spoiled; they may not know
	fault error
}

// look is called when a job of housekeeping has ended.
func (w *two) look(o *owners) {
	if o.lossy || slices.ContainsFunc(o.jobs[:w.jobs], (*sim.Process).Alive) {
		return
	}
	usable, _, err := o.store(o.snapshots.Log).Usable(context.Background(), o.log.Log)
	if err != nil {
		w.fault = err
		return
	}
	offsets := map[int64]bool{}
	for _, st := range usable {
		offsets[st.Manifest.Offset] = true
	}
	if w.had && len(offsets) < 2 && w.fault == nil {
		w.fault = fmt.Errorf("after %v the log can be folded from %d snapshots; there had been two", o.world.Elapsed(), len(offsets))
	}
	w.had = len(offsets) >= 2
}

// spoiled is called when a snapshot may have been.
func (w *two) spoiled(o *owners) { w.had, w.jobs = false, len(o.jobs) }

func (w *two) check([]sim.Counted) error { return w.fault }
