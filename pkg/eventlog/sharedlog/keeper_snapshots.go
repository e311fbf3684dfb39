package sharedlog

import (
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
)

// keepSnapshots writes snapshots when they are due, and deletes what they make
// superfluous.
func (k *Keeper) keepSnapshots(ctx context.Context) {
	try := k.cfg.Board.New(fmt.Sprintf("keep the snapshots of %s/%d", k.cfg.Host.cfg.Topic, k.cfg.Host.cfg.Partition))
	defer try.End()
	k.saved.at = k.cfg.Now()
	for ctx.Err() == nil {
		if !k.snapshotDue() {
			k.look(ctx)
			continue
		}
		if err := k.snapshot(ctx); err != nil {
			try.Again(ctx, err, snapshotPause)
			continue
		}
		try.Passed()
	}
}

// look waits until it is time to look again whether a snapshot is due.
func (k *Keeper) look(ctx context.Context) { trouble.Pause(ctx, snapshotLook) }

func (k *Keeper) snapshotDue() bool {
	k.mu.Lock()
	grown := k.grown
	k.mu.Unlock()
	if grown.records < k.saved.grown.records { // The fold has begun anew since.
		k.saved.grown = growth{}
	}
	bytes, records := grown.bytes-k.saved.grown.bytes, grown.records-k.saved.grown.records
	return records > 0 && k.limits().Due(bytes, records, k.saved.size, k.cfg.Now().Sub(k.saved.at))
}

func (k *Keeper) limits() *eventlog.SnapshotConfig {
	return &eventlog.SnapshotConfig{Bytes: k.cfg.Bytes, Events: k.cfg.Events, Interval: k.cfg.Interval}
}

// snapshot writes one of what is folded now.
func (k *Keeper) snapshot(ctx context.Context) error {
	h := k.cfg.Host
	var job eventlog.Job
	next := k.saved
	var taken error
	err := h.Read(ctx, false, func(Core, Position) {
		job.Snapshot, taken = h.follower.Snapshot(k.saved.size+k.saved.size/8, time.Now().UnixMilli())
		job.Floor, next.grown = h.fold.Floor(), h.grown
	})
	if err == nil {
		err = taken
	}
	if err != nil || job.Snapshot == nil {
		return err
	}
	out := k.do(ctx, job)
	if out.Saved != nil {
		next.at, next.size = k.cfg.Now(), int64(len(job.Snapshot.Body))
		k.saved = next
	}
	if out.Err == nil && out.Propose > 0 {
		out = k.do(ctx, eventlog.Job{Truncate: out.Propose, Floor: job.Floor})
	}
	return out.Err
}

func (k *Keeper) do(ctx context.Context, job eventlog.Job) eventlog.Outcome {
	out := k.cfg.Work.Do(ctx, job)
	if k.cfg.Kept != nil {
		k.cfg.Kept(out)
	}
	return out
}
