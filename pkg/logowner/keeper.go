package logowner

import (
	"context"
	"sync"

	"github.com/spanway/spanway/pkg/eventlog"
)

// keeper does one job of housekeeping at a time, beside the owner's loop.
type keeper struct {
	ctx  context.Context //nolint:containedctx // the keeper's life is the owner's run, not one call's
	work *eventlog.Housekeeper
	// after is called, in the job's goroutine, once a job has ended.
	after func(eventlog.Outcome)
	// left, if set, is called by wait once the last job has ended.
	left func()

	running sync.WaitGroup
	mu      sync.Mutex
	busy    bool
	done    []eventlog.Outcome
}

// Busy implements eventlog.Keeper.
func (k *keeper) Busy() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.busy
}

// Start implements eventlog.Keeper.
func (k *keeper) Start(job eventlog.Job) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.busy || k.ctx.Err() != nil {
		return false
	}
	k.busy = true
	k.running.Go(func() {
		out := k.work.Do(k.ctx, job)
		if k.after != nil {
			k.after(out)
		}
		k.mu.Lock()
		defer k.mu.Unlock()
		k.busy, k.done = false, append(k.done, out)
	})
	return true
}

// Done implements eventlog.Keeper.
func (k *keeper) Done() (out eventlog.Outcome, ok bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.done) == 0 {
		return out, false
	}
	out, k.done = k.done[0], k.done[1:]
	return out, true
}

// wait returns when the last job has ended; its context must have.
func (k *keeper) wait() {
	k.running.Wait()
	if k.left != nil {
		k.left()
	}
}
