package shared

import (
	"time"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// keeper is what a host does that keeps the log: several do at once.
type keeper struct {
	host *host
	work *sim.Keeper
	// pace says when to move the time; move is the call that is to do it next.
	pace sharedlog.Pace
	move *call
	// last is where the newest snapshot was taken, before its manifest.
	last   int64
	before *events.LogSnapshot
	floor  int64
}

func newKeeper(h *host) *keeper {
	k := &keeper{host: h}
	k.work = h.housekeeper()
	h.plan(k.keepTime)
	return k
}

// keepTime moves the time of the log if something is due.
func (k *keeper) keepTime() {
	h := k.host
	if k.move != nil && h.waits(k.move) {
		return
	}
	if m, _ := k.pace.Next(h.world.Now()); m != nil {
		m.AtMs = h.world.Now().UnixMilli()
		k.move = h.make(m)
	}
}

// moved: a move was folded, of this keeper or of another.
func (k *keeper) moved() {
	if !k.host.mutant.ownStart {
		k.pace.Moved(k.host.world.Now())
	}
}

// folded: everything in a page was folded, or a fold begins.
func (k *keeper) folded() {
	now, _ := k.host.fold.Now()
	k.pace.Folded(now, k.host.fold.Due())
}

// snapshot takes one if the log has grown enough.
func (k *keeper) snapshot() {
	h := k.host
	for out, ok := k.work.Done(); ok; out, ok = k.work.Done() {
		if out.Saved != nil {
			k.before = out.Saved
		}
		if out.Err == nil && out.Propose > 0 {
			k.work.Start(eventlog.Job{Truncate: out.Propose, Floor: k.floor})
		}
	}
	if h.next-k.last < h.every && h.next >= k.last || k.work.Busy() || h.world.Elapsed() > h.usedUntil+time.Second {
		return
	}
	snap, err := h.follower.Snapshot(0, h.world.Now().UnixMilli())
	if err != nil {
		h.blame(err)
	}
	if snap != nil {
		k.last, k.floor = h.next, h.fold.Floor()
		k.work.Start(eventlog.Job{Snapshot: snap, Before: k.before, Floor: k.floor})
	}
}

// store reads and writes the snapshots through a log of theirs.
func (s *story) store(log eventlog.Log) *eventlog.Snapshots {
	return &eventlog.Snapshots{Log: log, Topic: topic, Encoder: events.Encoder{Source: "keeper"}}
}

// housekeeper does the work of a keeper.
func (s *story) housekeeper() *sim.Keeper {
	return &sim.Keeper{
		World: s.world,
		Work: func(job *sim.Process) *eventlog.Housekeeper {
			truncator := &sim.Truncator{Process: job, Partition: func(of string, _ int32) *sim.Partition {
				if of == topic {
					return s.log
				}
				return s.snapshots
			}}
			h := &eventlog.Housekeeper{
				Log: s.log.Log, Snapshots: s.store(&sim.QuickReads{Handle: s.snapshots.Open(job)}),
				NewFold:   func() eventlog.Fold { return s.newFold() },
				Truncator: truncator, Keep: s.history, Now: job.World.Now,
			}
			if s.mutant.greedy {
				h.Truncator = &greedy{truncator, s}
			}
			return h
		},
		Started: func(job *sim.Process) { s.jobs = append(s.jobs, job) },
		Ended:   s.rot,
	}
}
