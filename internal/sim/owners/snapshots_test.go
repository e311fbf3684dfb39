package owners

import (
	"context"
	"slices"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// store reads and writes the snapshots through a log of theirs.
func (o *owners) store(log eventlog.Log) *eventlog.Snapshots {
	return &eventlog.Snapshots{Log: log, Topic: ownersTopic, Encoder: events.Encoder{Source: "keeper"}}
}

func (o *owners) keeper(p *sim.Process) *sim.Keeper {
	return &sim.Keeper{
		World: p.World,
		Work: func(job *sim.Process) *eventlog.Housekeeper {
			return &eventlog.Housekeeper{
				Log: o.log.Log, Snapshots: o.store(&sim.QuickReads{Handle: o.snapshots.Open(job)}), NewFold: newToyFold,
				Truncator: &sim.Truncator{Process: job, Partition: o.partition},
				Keep:      o.history, Now: job.World.Now,
			}
		},
		Started: func(job *sim.Process) { o.jobs = append(o.jobs, job) },
		Ended: func() {
			o.two.look(o)
			if !o.lossy && p.World.Elapsed() < chaosTime+quietTime/2 && (p.World.Chance(0.15) || o.late()) {
				o.rot()
				o.two.spoiled(o)
			}
		},
	}
}

func (o *owners) partition(topic string, _ int32) *sim.Partition {
	switch topic {
	case ownersTopic:
		return o.log
	case events.Snapshots(ownersTopic):
		return o.snapshots
	}
	return o.inputs
}

// late tells whether the snapshot that arrived last is not the newest.
func (o *owners) late() bool {
	list, err := o.store(o.snapshots.Log).List(context.Background())
	return err == nil && slices.ContainsFunc(list, func(s eventlog.Stored) bool { return s.At > list[0].At })
}

// rot spoils the newest snapshot, in a power cut that everybody feels: that is why
// there are two. It never spoils the last one that the log can be folded from,
// which is what two snapshots cannot survive: neither what stands before the
// beginning of the log takes its place, nor what a job is about to make so that
// began while the snapshot was whole which the last cut spoiled.
func (o *owners) rot() {
	if slices.ContainsFunc(o.unaware, (*sim.Process).Alive) {
		return
	}
	list, _, err := o.store(o.snapshots.Log).Usable(context.Background(), o.log.Log)
	if err != nil || len(list) < 2 || list[0].Manifest.Offset == list[1].Manifest.Offset {
		return
	}
	o.snapshots.Spoil(list[0])
	o.unaware = slices.DeleteFunc(slices.Clone(o.jobs), func(job *sim.Process) bool { return !job.Alive() })
	for _, n := range o.nodes {
		if n.Running() {
			n.Restart()
		}
	}
}
