package eventlog

import (
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// SnapshotConfig says where snapshots are, and when an owner writes one.
type SnapshotConfig struct {
	// Log is the partition of the log's topic of snapshots.
	Log Log
	// Keeper does the work; nil: the owner writes none.
	Keeper Keeper
	// A snapshot is written when the log has grown by Bytes (and by twice the size
	// of the last one, so that snapshots cost less than half of what they save) or
	// by Events, or when Interval has passed and anything was appended.
	// 0: DefaultSnapshotBytes; no limit; no limit.
	Bytes    int64
	Events   int64
	Interval time.Duration
}

// Due tells whether a snapshot is to be written of a log that has grown by so many bytes
// and events since the last one, which has size bytes and was written so long ago.
func (c *SnapshotConfig) Due(bytes, events, size int64, age time.Duration) bool {
	limit := c.Bytes
	if limit <= 0 {
		limit = DefaultSnapshotBytes
	}
	return bytes >= max(limit, 2*size) || c.Events > 0 && events >= c.Events || c.Interval > 0 && events > 0 && age >= c.Interval
}

// DefaultSnapshotBytes is how much a log grows between snapshots, in bytes.
const DefaultSnapshotBytes = 64 << 20

// snapshotRetry is how long an owner waits after a job that failed, in milliseconds.
const snapshotRetry = 10_000

// Keeper works beside an owner's loop: writing and deleting take long. It does
// one job at a time by calling Housekeeper.Do, and outlives tenures.
type Keeper interface {
	// Busy tells whether a job is under way, of an earlier tenure maybe.
	Busy() bool
	// Start begins a job without waiting for it; false if one is under way, or none
	// will be done any more.
	Start(Job) (started bool)
	// Done returns, once, what became of a job that has ended.
	Done() (Outcome, bool)
}

// Job is work for a Keeper.
type Job struct {
	// Snapshot to write and verify, if any.
	Snapshot *Snapshot
	// Before, if set, is a snapshot on which this one was folded, whether or not it
	// can still be read. It is not looked at for a shared log.
	Before *events.LogSnapshot
	// Truncate: what the log says nobody refers to any more; 0 if nothing.
	Truncate int64
	// Floor is the lowest offset that the state refers to.
	Floor int64
}

// Outcome is what became of a Job.
type Outcome struct {
	// Saved is the manifest of the snapshot that was written and verified.
	Saved *events.LogSnapshot
	// Older is the older one of the two newest verified snapshots; nil if there
	// are not two. Inputs were deleted up to where it has read them.
	Older *events.LogSnapshot
	// Deleted: the log was deleted below it. Propose: it may be below that, once
	// the log says so; 0 if that would change nothing.
	Deleted, Propose int64
	Err              error
}

// keeping is what a tenure knows of snapshots.
type keeping struct {
	*SnapshotConfig
	beyond []Stored // at the start: of records that the log does not hold

	before *events.LogSnapshot // that was restored, or saved last

	last, size, at int64 // the newest snapshot: its offset, bytes, time
	bytes, events  int64 // by which the log has grown since
	saving, failed bool
	deleting       bool
	retryAt        int64 // not before
	propose        int64
	deleted        int64
	deleteAt       int64 // not before
}

// grow notes by how much the log has grown.
func (t *tenure[I]) grow(n, bytes int) {
	if k := t.keeping; k != nil {
		k.events += int64(n)
		k.bytes += int64(bytes)
	}
}

func (k *keeping) due(now int64) bool {
	if k.saving || k.deleting || k.events == 0 && !k.failed || now < k.retryAt {
		return false
	}
	return k.failed || k.Due(k.bytes, k.events, k.size, time.Duration(now-k.at)*time.Millisecond)
}

// housekeep hands work to the keeper. Nothing is tentative when it is called, and
// the tail has just been confirmed.
func (t *tenure[I]) housekeep() error {
	k := t.keeping
	if k == nil || k.Keeper == nil || len(t.batch.logged) > 0 {
		return nil
	}
	if out, ok := k.Keeper.Done(); ok {
		t.kept(out)
		var lost *LostError
		if errors.As(out.Err, &lost) && k.failed { // Not what a job of an earlier tenure found.
			return &abandoned{out.Err}
		}
	}
	if k.at == 0 {
		k.at = t.clock.Now
	}
	switch {
	case t.last.Hash == 0 || t.last.At+int64(t.last.Records) != t.reader.next:
		return nil // A snapshot stands right behind a batch of its owner.
	case k.Keeper.Busy():
		return nil // To encode the state, or only to look through it, takes long.
	case k.due(t.clock.Now):
		return t.startSnapshot()
	case t.published.truncated > k.deleted && !k.saving && !k.deleting && t.clock.Now >= k.deleteAt:
		k.deleteAt = t.clock.Now + snapshotRetry
		k.deleting = k.Keeper.Start(Job{Truncate: t.published.truncated, Floor: t.core.Floor()})
	}
	return nil
}

func (t *tenure[I]) startSnapshot() error {
	k := t.keeping
	snap, err := take(t.Topic, t.Partition, t.reader, &t.published.own, t.core, k.size+k.size/8, t.clock.Now)
	if err != nil {
		return fmt.Errorf("take a snapshot at %d: %w", t.reader.next, err)
	}
	snap.Manifest.AtMs = t.stamp()
	if !k.Keeper.Start(Job{Snapshot: snap, Before: k.before, Truncate: t.published.truncated, Floor: t.core.Floor()}) {
		k.retryAt = t.clock.Now + snapshotRetry/10
		return nil
	}
	k.last, k.size, k.at = t.reader.next, int64(len(snap.Body)), t.clock.Now
	k.bytes, k.events, k.saving, k.failed = 0, 0, true, false
	return nil
}

func (t *tenure[I]) kept(out Outcome) {
	k := t.keeping
	// What was not deleted waits for the next snapshot: this one is not written again.
	if k.failed = k.saving && out.Err != nil && out.Saved == nil; k.failed {
		k.retryAt = t.clock.Now + snapshotRetry
	}
	if k.saving || k.deleting { // Else it is of an earlier tenure, whose tail may be lost.
		k.propose = max(k.propose, out.Propose)
	}
	if k.saving && out.Saved != nil {
		k.before = out.Saved
	}
	k.saving, k.deleting = false, false
	k.deleted = max(k.deleted, out.Deleted)
	if t.Hooks.Kept != nil {
		t.Hooks.Kept(out)
	}
}

// emitTruncated says in the log what may be deleted of it. The state may refer to
// less now than when it was proposed, or to more: then it is proposed again later.
func (t *tenure[I]) emitTruncated() {
	k := t.keeping
	if k == nil || k.propose == 0 {
		return
	}
	before := k.propose
	k.propose = 0
	if before > t.published.truncated && before <= t.core.Floor() {
		t.emit(&events.LogTruncated{Before: before, AtMs: t.stamp()})
	}
}
