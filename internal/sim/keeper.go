package sim

import (
	"context"
	"errors"

	"github.com/spanway/spanway/pkg/eventlog"
)

// Keeper implements eventlog.Keeper: each job is a process of its own, which
// goes on whatever becomes of the one that started it, as what was sent to a
// broker does.
type Keeper struct {
	World *World
	// Work makes the housekeeper over the handles of a process.
	Work func(p *Process) *eventlog.Housekeeper
	// Started is told of each process, Ended that a job was done.
	Started func(p *Process)
	Ended   func()

	busy    bool
	outcome []eventlog.Outcome
}

// Busy implements eventlog.Keeper.
func (k *Keeper) Busy() bool { return k.busy }

// Start implements eventlog.Keeper.
func (k *Keeper) Start(job eventlog.Job) bool {
	if k.busy {
		return false
	}
	k.busy = true
	k.Started(k.World.Spawn(func(p *Process) {
		if k.World.Chance(5 * k.World.Chances.Slow) { // It is paused, and others go on.
			p.Sleep(k.World.Between(0, k.World.Chances.SlowMax))
		}
		out := k.Work(p).Do(context.Background(), job)
		k.busy, k.outcome = false, append(k.outcome, out)
		k.World.After(k.World.Delay(), k.Ended)
	}))
	return true
}

// Done implements eventlog.Keeper.
func (k *Keeper) Done() (out eventlog.Outcome, ok bool) {
	if len(k.outcome) == 0 {
		return out, false
	}
	out, k.outcome = k.outcome[0], k.outcome[1:]
	return out, true
}

// Truncator implements eventlog.Truncator over simulated partitions.
type Truncator struct {
	Process *Process
	// Partition finds a partition; nil if there is none.
	Partition func(topic string, partition int32) *Partition
}

var errNoAnswer = errors.New("no answer; it may have been deleted")

// DeleteRecords implements eventlog.Truncator: the request or the answer may be
// lost, and it may be late.
func (t *Truncator) DeleteRecords(_ context.Context, topic string, partition int32, before int64) error {
	w := t.Process.World
	t.Process.Sleep(w.Delay())
	if w.Chance(w.Chances.Drop) {
		return errNoAnswer
	}
	t.Partition(topic, partition).Truncate(before)
	t.Process.Sleep(w.Delay())
	if w.Chance(w.Chances.Drop) {
		return errNoAnswer
	}
	return nil
}
