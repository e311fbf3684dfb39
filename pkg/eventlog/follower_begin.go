package eventlog

import (
	"context"
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// drop forgets what was read: it is to begin anew, for that reason.
func (f *Follower) drop(why error) {
	if f.reader != nil {
		f.before = f.reader.Position()
	}
	f.reader, f.fold, f.why, f.sure = nil, nil, why, false
}

// anew drops what was read and begins anew at once.
func (f *Follower) anew(ctx context.Context, why error) error {
	f.drop(why)
	return f.begin(ctx)
}

func (f *Follower) begin(ctx context.Context) error {
	b := Beginning{Before: f.before, Why: f.why}
	var r *Reader
	var err error
	if f.cfg.NewFold != nil {
		r, err = f.restore(ctx, &b)
	} else {
		r, err = f.look(ctx, &b)
	}
	if err != nil {
		return fmt.Errorf("begin to follow %s/%d: %w", f.cfg.Topic, f.cfg.Partition, err)
	}
	r.OnSkip, r.known = f.skipped, f.cfg.Known
	f.reader, f.fold, f.snapshot, f.begun = r, b.Fold, b.Snapshot, b.At
	f.why, f.read = nil, false
	f.beginnings++
	if f.cfg.Hooks.Began != nil {
		f.cfg.Hooks.Began(b)
	}
	return nil
}

// restore begins at the newest usable snapshot, or at 0 if there is none.
func (f *Follower) restore(ctx context.Context, b *Beginning) (*Reader, error) {
	f.trail.clear()
	unusable := 0
	if s := f.cfg.Snapshots; s != nil {
		usable, beyond, err := s.Usable(ctx, f.cfg.Log)
		if err != nil {
			return nil, err
		}
		snap, fold, err := s.Restore(ctx, usable, f.cfg.NewFold)
		if err != nil {
			return nil, err
		}
		if snap != nil {
			m := snap.Manifest
			b.At, b.Fold, b.Snapshot = m.Offset, fold, m
			f.trail.resume(anchor{m.Back, m.BackHistory}, anchor{m.Offset, m.History})
			return NewReaderFrom(f.cfg.Log, m)
		}
		unusable = len(usable) + len(beyond)
	}
	start, end, err := Bounds(ctx, f.cfg.Log)
	if err != nil {
		return nil, err
	}
	if start > 0 {
		return nil, &LossError{Topic: f.cfg.Topic, Partition: f.cfg.Partition, Start: start, End: end, Snapshots: unusable}
	}
	b.Fold = f.cfg.NewFold()
	f.trail.resume(anchor{}, anchor{})
	return f.readerAt(0), nil
}

// readerAt returns a reader of the log from an offset on.
func (f *Follower) readerAt(from int64) *Reader {
	r := NewReaderAt(f.cfg.Log, f.cfg.Topic, f.cfg.Partition, from)
	r.shared = f.cfg.Shared
	return r
}

// look begins where a follower without a fold is to: where it is told at first,
// then where it knows the log to hold what it has read.
func (f *Follower) look(ctx context.Context, b *Beginning) (*Reader, error) {
	start, end, err := Bounds(ctx, f.cfg.Log)
	if err != nil {
		return nil, err
	}
	var lost *LostError
	switch {
	case errors.As(f.why, &lost):
		m, err := f.trail.stands(ctx, f.cfg.Log)
		if err != nil {
			return nil, err
		}
		if m != nil { // If that was deleted, the next page tells of the gap.
			b.At = m.at
			r := f.readerAt(0)
			m.resume(r)
			f.trail.resume(m.base, anchor{m.at, m.judge.History})
			return r, nil
		}
		b.At = start
	case f.before >= 0:
		b.At = max(f.before, start)
	case f.cfg.From == AtEnd:
		b.At = end
	case f.cfg.From == AtStart:
		b.At = start
	default:
		b.At = f.cfg.From
	}
	f.trail.clear()
	return f.lookBack(ctx, b.At, start, min(b.At, end))
}

// lookBackRecords is how far before its beginning a follower without a fold reads.
const lookBackRecords = 256

// lookBack reads, before a follower without a fold begins, some of what stands
// there: so as to judge the first batch, too, and to notice if the log loses its
// tail before anything new is read.
func (f *Follower) lookBack(ctx context.Context, at, start, end int64) (*Reader, error) {
	r := f.readerAt(max(start, min(at, end)-lookBackRecords))
	f.trail.restart(r)
	for r.next < end {
		page, err := f.cfg.Log.Fetch(ctx, r.next, 0)
		if err != nil {
			return nil, err
		}
		f.sure, f.term = true, page.Term
		before := r.next
		for i := range page.Records {
			if offset := page.Records[i].Offset; offset >= r.next && offset < end {
				one := events.Page{Records: page.Records[i : i+1], Next: offset + 1, End: page.End}
				r.take(one, nil)
				f.trail.add(r, &one)
			}
		}
		if r.next = max(r.next, min(page.Next, end)); r.next == before {
			break // Where nothing is shown, nothing can be compared.
		}
	}
	if r.next < at { // What is in between was not read, and the first batch tells the history.
		r = f.readerAt(at)
		f.trail.restart(r)
	}
	return r, nil
}
