package logowner

import (
	"context"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// trail remembers what an input held where it was read. Offsets alone do not show
// that the tail was lost once it has grown beyond where it ended: what came since
// has the offsets of older records, and none of it must be skipped.
//
// Of the newest records it holds each; the older they are, the further its steps
// stand apart. It outlives pumps and owners, one of which uses it at a time.
type trail struct {
	steps []step
	// from and to: a reader went back from the one to the other; from is 0 if none
	// did, or if the log says that what it went back for was decided.
	from, to int64
	// doubt: what stands below it may have been read before, or not.
	doubt int64
}

// step is a record that was read.
type step struct {
	offset int64
	hash   uint64
}

// trailSteps bounds the steps; half of them are the newest records without a gap.
const trailSteps = 4096

func (t *trail) add(rec *events.Record) {
	t.steps = append(t.steps, step{rec.Offset, eventlog.Fingerprint(rec)})
	if len(t.steps) <= trailSteps {
		return
	}
	kept, older := t.steps[:0], len(t.steps)/2
	for i, s := range t.steps {
		if i >= older || i%2 == 0 {
			kept = append(kept, s)
		}
	}
	t.steps = kept
}

// resume gives where to read on, given what the log says. A log that says no more
// than what was read before a reader went back may not know what that was for.
func (t *trail) resume(position int64) int64 {
	switch {
	case position > t.from:
		t.from, t.to, t.doubt = 0, 0, 0
	case t.to < position:
		position = t.to
	}
	t.cut(position)
	return position
}

// wentBack notes that what stands from to on is new, although it was read up to from.
func (t *trail) wentBack(from, to int64) {
	if t.from == 0 {
		t.to = to
	}
	t.from, t.to = max(t.from, from), min(t.to, to)
	t.cut(to)
}

// cut forgets what stands from an offset on.
func (t *trail) cut(end int64) {
	n := len(t.steps)
	for n > 0 && t.steps[n-1].offset >= end {
		n--
	}
	t.steps = t.steps[:n]
}

// goOn gives where to read on once the input may have lost its tail, of which end is
// what is left up to next: at next if all steps stand, at the first record that differs,
// or, if no step shows where that is, at the beginning of what is left, in doubt.
func (t *trail) goOn(ctx context.Context, log eventlog.Log, next int64, lost bool) (int64, error) {
	doubt := next
	if len(t.steps) > 0 {
		doubt = t.steps[0].offset
	}
	at, known, err := t.stands(ctx, log, next)
	if err != nil || known && !(lost && len(t.steps) == 0) {
		return at, err
	}
	if at, _, err = eventlog.Bounds(ctx, log); err != nil {
		return 0, err
	}
	t.doubt = doubt
	t.cut(at)
	return at, nil
}

// stands tells up to where the input still holds what was read up to next, as far
// as the steps show: next, or the place behind the last record that is the same. known
// is false if there are steps, and none of them stands.
func (t *trail) stands(ctx context.Context, log eventlog.Log, next int64) (at int64, known bool, err error) {
	// A tail was lost: all that is different comes behind all that is the same.
	low, high := 0, len(t.steps)
	for probe := high - 1; low < high; probe = (low + high) / 2 {
		same, err := t.steps[probe].stands(ctx, log)
		switch {
		case err != nil:
			return 0, false, err
		case same:
			low = probe + 1
		default:
			high = probe
		}
	}
	switch {
	case low == len(t.steps):
		return next, true, nil
	case low == 0:
		return 0, false, nil
	}
	return t.steps[low-1].offset + 1, true, nil
}

// stands tells whether the input holds the record. What was deleted was read.
func (s step) stands(ctx context.Context, log eventlog.Log) (bool, error) {
	page, err := log.Fetch(ctx, s.offset, longPoll)
	start, _, outside := eventlog.OutOfRange(err)
	switch {
	case outside:
		return start > s.offset, nil
	case err != nil:
		return false, err
	case page.Next <= s.offset:
		return false, eventlog.ErrHidden
	}
	return len(page.Records) > 0 && page.Records[0].Offset == s.offset && eventlog.Fingerprint(&page.Records[0]) == s.hash, nil
}
