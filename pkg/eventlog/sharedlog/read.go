package sharedlog

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/pkg/eventlog"
)

// Read lets look see the core; it must be quick, and call nothing of the host that waits.
// With a barrier it sees everything that was in the log when Read was called, so that
// the read is linearizable; without one it sees what the host has folded, which at
// names. The error is ctx's, or says why the host has ended.
func (h *Host) Read(ctx context.Context, barrier bool, look func(core Core, at Position)) error {
	for after := 0; ; {
		end := int64(0)
		if barrier {
			var err error
			if _, end, err = eventlog.Bounds(ctx, h.cfg.Log); err != nil {
				return fmt.Errorf("read %s/%d: %w", h.cfg.Topic, h.cfg.Partition, err)
			}
		}
		beginning, reached, err := h.reach(ctx, end, after)
		if err == nil && reached {
			reached, after, err = h.hold(ctx, beginning, look)
		}
		if err != nil {
			return fmt.Errorf("read %s/%d up to %d: %w", h.cfg.Topic, h.cfg.Partition, end, err)
		}
		if reached {
			return nil
		}
	}
}

// reach waits for a beginning of the fold later than that one, and until everything below
// an offset is folded. If the fold begins anew meanwhile it is not reached: what was to be
// may be gone, and must be asked again.
func (h *Host) reach(ctx context.Context, offset int64, after int) (beginning int, reached bool, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if err := h.until(ctx, func() bool { return h.at.beginnings > after }); err != nil {
		return 0, false, err
	}
	beginning = h.at.beginnings
	err = h.until(ctx, func() bool { return h.at.beginnings != beginning || h.at.position >= offset })
	return beginning, h.at.beginnings == beginning, err
}

// hold lets look see the fold of a beginning; not if it has begun anew since, or is to:
// after a beginning later than after.
func (h *Host) hold(ctx context.Context, beginning int, look func(core Core, at Position)) (seen bool, after int, err error) {
	select {
	case h.folding <- struct{}{}:
		defer h.release()
	case <-ctx.Done():
		return false, 0, ctx.Err()
	}
	h.mu.Lock()
	same := h.at.beginnings == beginning
	h.mu.Unlock()
	switch {
	case !same:
		return false, 0, nil
	case h.follower.Fold() == nil:
		return false, beginning, nil
	}
	look(h.fold.core, h.position())
	return true, 0, nil
}

// Watcher is told of what the fold does, in order and in the host's goroutine, while the
// fold stands still: each must be quick, and call nothing of the host that waits. Each may
// be nil.
type Watcher struct {
	// Began: what is told next follows from this state. It is told when the watcher is
	// added, and again when the fold begins anew: because the log has lost its tail, or
	// because what came next was deleted before it was read.
	Began func(core Core, at Position)
	// Decided: a call was decided, and the core has folded it. An accepted
	// *events.LogTimePassed says that time has moved on, so that what was due has ended.
	Decided func(core Core, c *Call, v Verdict)
	// Stepped: everything below an offset is folded.
	Stepped func(core Core, at Position)
}

func (w *Watcher) begin(h *Host) {
	if w.Began != nil {
		w.Began(h.fold.core, h.position())
	}
}

// Watch tells w of what the fold does from now on, until stop is called. It waits, no
// longer than ctx, until there is a fold.
func (h *Host) Watch(ctx context.Context, w *Watcher) (stop func(), err error) {
	add := func(Core, Position) {
		h.watchers = append(h.watchers[:len(h.watchers):len(h.watchers)], w)
		w.begin(h)
	}
	if err := h.Read(ctx, false, add); err != nil {
		return nil, fmt.Errorf("watch: %w", err)
	}
	return func() { h.unwatch(w) }, nil
}

func (h *Host) unwatch(w *Watcher) {
	h.folding <- struct{}{}
	defer h.release()
	var kept []*Watcher
	for _, other := range h.watchers {
		if other != w {
			kept = append(kept, other)
		}
	}
	h.watchers = kept
}
