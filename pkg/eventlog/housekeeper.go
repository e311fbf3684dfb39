package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/events"
)

// Truncator deletes the beginning of partitions.
type Truncator interface {
	// DeleteRecords deletes what is below an offset. What is gone already is fine.
	DeleteRecords(ctx context.Context, topic string, partition int32, before int64) error
}

// Housekeeper writes and verifies snapshots, keeps the two newest, and deletes
// what they make superfluous. It is a Keeper's work: one call of Do at a time.
type Housekeeper struct {
	// Log and Snapshots are handles of its own; OnBad of Snapshots is its.
	Log       Log
	Snapshots *Snapshots
	Truncator Truncator
	NewFold   func() Fold
	// Keep is how long events stay in the log although a snapshot holds what
	// they led to; below 0: for ever.
	Keep time.Duration
	Now  func() time.Time

	verified map[verifiedKey]bool
}

type verifiedKey struct {
	at   int64 // of the manifest
	hash uint64
}

// Do does a job. It deletes nothing that the older of two snapshots does not
// hold which it has read back and restored itself.
func (h *Housekeeper) Do(ctx context.Context, job Job) (out Outcome) {
	if job.Snapshot != nil {
		if out.Err = h.write(ctx, job); out.Err != nil {
			return out
		}
	}
	usable, _, err := h.Snapshots.Usable(ctx, h.Log)
	if err != nil {
		out.Err = err
		return out
	}
	newest, older, err := h.two(ctx, usable)
	out.Err = err
	if job.Snapshot != nil && newest != nil && newest.Manifest.Offset >= job.Snapshot.Manifest.Offset {
		out.Saved = job.Snapshot.Manifest
	} else if job.Snapshot != nil && err == nil {
		out.Err = fmt.Errorf("the snapshot at %d of %s/%d was written but cannot be used", job.Snapshot.Manifest.Offset, h.Snapshots.Topic, h.Snapshots.Partition)
	}
	if older == nil || out.Err != nil {
		return out
	}
	out.Older = older.Manifest
	if out.Err = h.prune(ctx, newest, older); out.Err != nil {
		return out
	}
	if job.Snapshot != nil { // Else neither need be of now.
		if out.Err = h.deleteInputs(ctx, newest.Manifest, older.Manifest); out.Err != nil {
			return out
		}
	}
	limit := refersTo(newest, older)
	if before := job.Truncate; before > 0 && before <= limit {
		if out.Err = h.delete(ctx, h.Snapshots.Topic, h.Snapshots.Partition, before); out.Err != nil {
			return out
		}
		out.Deleted = before
	}
	out.Propose, out.Err = h.propose(ctx, job, min(limit, job.Floor), ofShared(older.Manifest))
	return out
}

// refersTo is the lowest offset that a fold from either snapshot needs. The state of
// now may refer to less; but after the loss of a tail it is one of theirs again.
func refersTo(newest, older *Stored) int64 {
	limit := min(older.Manifest.Offset, older.Manifest.Floor, newest.Manifest.Floor)
	if ofShared(older.Manifest) {
		limit = min(limit, older.Manifest.Last) // It shows that the log has what the snapshot is of.
	}
	return limit
}

// write writes a snapshot, if the log says what it says.
func (h *Housekeeper) write(ctx context.Context, job Job) error {
	snap, confirm := job.Snapshot, h.confirm
	if ofShared(snap.Manifest) {
		confirm = h.confirmShared
	}
	if err := confirm(ctx, job); err != nil {
		return fmt.Errorf("confirm the snapshot of %s/%d at %d: %w", h.Snapshots.Topic, h.Snapshots.Partition, snap.Manifest.Offset, err)
	}
	return h.Snapshots.Write(ctx, snap)
}

// confirm judges the log from the snapshot before up to this one. An owner takes
// what lands where it expects it for what counts; where a tail was lost and grew
// again to just that length, only those who read all of it know better.
func (h *Housekeeper) confirm(ctx context.Context, job Job) error {
	usable, _, err := h.Snapshots.Usable(ctx, h.Log)
	if err != nil {
		return err
	}
	if job.Before != nil { // They may all have been lost.
		usable = append(usable, Stored{Manifest: job.Before})
	}
	m := job.Snapshot.Manifest
	r := readerOf(h.Log, m)
	for _, st := range usable {
		if st.Manifest.Offset < m.Offset {
			if r, err = NewReaderFrom(h.Log, st.Manifest); err != nil {
				return err
			}
			break
		}
	}
	for r.next < m.Offset {
		before := r.next
		err := r.pollTo(ctx, m.Offset)
		switch {
		case err == nil && r.next == before:
			return &LostError{Expected: m.Offset, Found: r.next}
		case err != nil:
			return err
		}
	}
	is, err := judgeOf(m)
	if err == nil && (r.Position() != m.Offset || r.judge != is || r.n != m.Number) {
		err = &LostError{Expected: m.Offset, Found: r.judge.ClaimedAt}
	}
	return err
}

// confirmShared compares the end of a shared log with that of the snapshot. Whoever made it
// has read all of the log, and would have noticed a loss of more than what is read here.
func (h *Housekeeper) confirmShared(ctx context.Context, job Job) error {
	m := job.Snapshot.Manifest
	start, end, err := Bounds(ctx, h.Log)
	if err != nil {
		return err
	}
	same, err := showsLast(ctx, h.Log, start, m)
	if err == nil && !same {
		err = &LostError{Expected: m.Offset, Found: min(end, m.Last)}
	}
	return err
}

// two returns the two newest snapshots, by log offset, that prove to be good.
func (h *Housekeeper) two(ctx context.Context, usable []Stored) (newest, older *Stored, err error) {
	for i := range usable {
		st := &usable[i]
		if newest != nil && st.Manifest.Offset == newest.Manifest.Offset {
			continue
		}
		good, err := h.verify(ctx, st)
		switch {
		case err != nil:
			return nil, nil, err
		case !good:
		case newest == nil:
			newest = st
		default:
			return newest, st, nil
		}
	}
	return newest, nil, nil
}

// verify reads a snapshot back, restores it, and writes it again: the bytes must
// be the same.
func (h *Housekeeper) verify(ctx context.Context, st *Stored) (bool, error) {
	key := verifiedKey{st.At, st.Manifest.StateHash}
	if h.verified[key] {
		return true, nil
	}
	snap, fold, err := h.Snapshots.restore(ctx, *st, h.NewFold)
	var bad *corrupt
	switch {
	case errors.As(err, &bad):
		h.Snapshots.bad(st.Manifest, err)
		return false, nil
	case err != nil:
		return false, err
	}
	o, _, err := snap.parts()
	if err != nil {
		return false, err
	}
	again, err := o.append(nil)
	if err != nil {
		return false, err
	}
	if again = fold.Snapshot(again); xxhash.Sum64(again) != st.Manifest.StateHash {
		h.Snapshots.bad(st.Manifest, fmt.Errorf("restored, the snapshot at %d gives another state: hash %016x instead of %016x",
			st.Manifest.Offset, xxhash.Sum64(again), st.Manifest.StateHash))
		return false, nil
	}
	if h.verified == nil || len(h.verified) > 16 {
		h.verified = map[verifiedKey]bool{}
	}
	h.verified[key] = true
	return true, nil
}

func (h *Housekeeper) delete(ctx context.Context, topic string, partition int32, before int64) error {
	if err := h.Truncator.DeleteRecords(ctx, topic, partition, before); err != nil {
		return fmt.Errorf("delete %s/%d below %d: %w", topic, partition, before, err)
	}
	return nil
}

// prune deletes what stands before the two snapshots that stay.
func (h *Housekeeper) prune(ctx context.Context, newest, older *Stored) error {
	return h.delete(ctx, events.Snapshots(h.Snapshots.Topic), h.Snapshots.Partition, min(newest.First, older.First))
}

// deleteInputs deletes what a fold from neither snapshot reads again, but for the last
// record of that: a broker may forget the end of a partition that holds nothing. The
// older one has usually read less; where an input has lost its tail since, the newest
// one has.
func (h *Housekeeper) deleteInputs(ctx context.Context, newest, older *events.LogSnapshot) error {
	positions, err := ParsePositions([]byte(older.Inputs))
	if err != nil {
		return fmt.Errorf("delete inputs: %w", err)
	}
	last, err := ParsePositions([]byte(newest.Inputs))
	if err != nil {
		return fmt.Errorf("delete inputs: %w", err)
	}
	now := last.Map()
	for _, at := range positions {
		before := min(at.Next, now[at.TopicPartition]) - 1
		if before <= 0 {
			continue
		}
		err := h.delete(ctx, at.Topic, at.Partition, before)
		if err != nil && !IsOutOfRange(err) { // It ends below that: its tail is lost.
			return err
		}
	}
	return nil
}

// propose finds the last beginning of a batch (of a shared log: the last record) below
// which everything is old enough and is not above limit: held by the older snapshot, and
// not referred to.
func (h *Housekeeper) propose(ctx context.Context, job Job, limit int64, shared bool) (int64, error) {
	if h.Keep < 0 {
		return 0, nil
	}
	start, _, err := Bounds(ctx, h.Log)
	if err != nil {
		return 0, err
	}
	old := h.Now().Add(-h.Keep).UnixMilli()
	found := int64(0)
	for next := start; next <= limit; {
		page, err := h.Log.Fetch(ctx, next, 0)
		if err != nil {
			return 0, fmt.Errorf("look for what is older than %v: %w", h.Keep, err)
		}
		for i := range page.Records {
			r := &page.Records[i]
			if r.Offset <= limit && (shared || beginsBatch(r)) {
				found = r.Offset
			}
			if r.Timestamp > old || r.Offset >= limit {
				return beyondOf(found, start, job.Truncate), nil
			}
		}
		if page.Next == next {
			break
		}
		next = page.Next
	}
	return beyondOf(found, start, job.Truncate), nil
}

// beginsBatch tells whether a batch of an owned log begins where its writer expected.
func beginsBatch(r *events.Record) bool {
	h, first, err := begin(r)
	return first && err == nil && h.At == r.Offset
}

// beyondOf is found, if that is news.
func beyondOf(found, start, truncated int64) int64 {
	if found <= max(start, truncated) {
		return 0
	}
	return found
}
