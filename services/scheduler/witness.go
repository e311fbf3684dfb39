package scheduler

import (
	"fmt"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// witnesses compares what engines say to have read of the log with what the owner
// knows to count. An engine that has read more tells of a tail that was lost, or is
// wrong: it may have read a forged record, or the report itself may be one. So a claim
// is evidence only if it could be true at all, and if its engine keeps to it: the next
// heartbeat of the same engine gives a single forged one the lie. Two engines on two
// partitions of tasks.assignments, which have read no record in common, are believed
// earlier. It is used by the owner's goroutine alone.
type witnesses struct {
	// epoch and n are those of the newest event that counts.
	epoch, n uint32
	// claims to have read more, by engine.
	claims map[events.EngineID]*claim
	seen   *eventlog.WitnessError
	// doubted, if set, is told of each claim that is no evidence, or not yet.
	doubted func(placement.Receipt)
}

// claim is what an engine keeps to.
type claim struct {
	incarnation string
	beats       int
}

const (
	// steadyBeats of one engine are evidence, and sharedBeats of each of two.
	steadyBeats = 3
	sharedBeats = 2
	// maxClaims bounds the engines that claim something.
	maxClaims = 1_000
)

func (w *witnesses) owned(epoch uint32) {
	w.epoch, w.n, w.seen = epoch, 0, nil
	clear(w.claims)
}

func (w *witnesses) appended(events int) { w.n += uint32(events) }

// look notes what an input says. A receipt of more than there is gives nothing back.
func (w *witnesses) look(prepared input) {
	r, ok := placement.Received(prepared)
	if !ok {
		return
	}
	if r.Epoch < w.epoch || r.Epoch == w.epoch && r.N <= w.n {
		delete(w.claims, r.Engine)
		return
	}
	placement.VoidReceipt(prepared)
	if !eventlog.CouldBeLost(r.Epoch, w.epoch) || !w.evident(r) {
		if w.doubted != nil {
			w.doubted(r)
		}
		return
	}
	clear(w.claims)
	if w.seen == nil || r.Epoch > w.seen.Epoch || r.Epoch == w.seen.Epoch && r.N > w.seen.N {
		w.seen = &eventlog.WitnessError{Epoch: r.Epoch, N: r.N, Witness: fmt.Sprintf("engine %q", r.Engine)}
	}
}

// evident counts a claim, and tells whether there is evidence for it.
func (w *witnesses) evident(r placement.Receipt) bool {
	c := w.claims[r.Engine]
	if c == nil || c.incarnation != r.Incarnation {
		if c == nil && len(w.claims) >= maxClaims {
			return false
		}
		if w.claims == nil {
			w.claims = map[events.EngineID]*claim{}
		}
		c = &claim{incarnation: r.Incarnation}
		w.claims[r.Engine] = c
	}
	if c.beats++; c.beats >= steadyBeats {
		return true
	}
	if c.beats < sharedBeats {
		return false
	}
	for other, o := range w.claims {
		if o.beats >= sharedBeats && events.EnginePartition(other) != events.EnginePartition(r.Engine) {
			return true
		}
	}
	return false
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
