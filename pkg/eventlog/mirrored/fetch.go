package mirrored

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// errChanged says that the copy is not any more what a view says: it has lost its end or
// its beginning, or a newer generation has begun.
var errChanged = errors.New("the copy has changed while it was read; try again")

// viewsTried is how often a view is made anew for one fetch.
const viewsTried = 4

func (l *Log) fetch(ctx context.Context, c *copied, from int64, wait time.Duration) (events.Page, error) {
	for try := 1; ; try++ {
		v, err := l.view(ctx, c)
		var page events.Page
		if err == nil {
			page, err = l.read(ctx, c, v, from, wait)
		}
		if !errors.Is(err, errChanged) {
			return page, err
		}
		l.forget(v)
		if try == viewsTried {
			return page, fmt.Errorf("read %s/%d, which is a copy, at %d: %w", c.at.Topic, c.at.Partition, from, err)
		}
	}
}

// read reads by a view.
func (l *Log) read(ctx context.Context, c *copied, v *view, from int64, wait time.Duration) (events.Page, error) {
	if from < v.first.origin {
		return events.Page{}, l.outside(ctx, c, v, from)
	}
	at, err := l.seek(ctx, c, v, from)
	if err != nil {
		return events.Page{}, err
	}
	for {
		patience := wait
		if at.origin < from { // It waits at its end only.
			patience = 0
		}
		before := at
		raw, err := l.raw.Fetch(ctx, at.target, patience)
		if err = v.still(&raw, err); err != nil {
			return events.Page{}, err
		}
		page := events.Page{Start: v.first.origin, Term: v.number}
		if page.Records, at, err = l.take(c, v, at, from, raw.Records); err != nil {
			return page, err
		}
		at.target = max(at.target, raw.Next)
		v.note(at)
		ended := at.target >= raw.End
		if ended {
			v.ends(spot{at.origin, raw.End})
		}
		switch {
		case len(page.Records) > 0:
			page.Next = at.origin
			page.End, err = l.end(ctx, c, v, raw.End)
			return page, err
		case !ended && at.target > before.target: // Nothing that is wanted stands there.
			continue
		case !ended: // The leader does not show what it has.
			page.Next = from
			page.End, err = l.end(ctx, c, v, raw.End)
			return page, err
		case at.origin < from:
			return page, &eventlog.OutOfRangeError{From: from, Start: v.first.origin, End: at.origin}
		case at.target > before.target && wait > 0:
			continue // Something came that does not count.
		}
		page.Next, page.End = from, from
		return page, nil
	}
}

// still returns errChanged if what a fetch brought shows that the view is over.
func (v *view) still(raw *events.Page, err error) error {
	switch {
	case eventlog.IsOutOfRange(err):
		return errChanged
	case err != nil:
		return err
	case raw.Term != v.term, raw.Start > v.first.target:
		return errChanged
	}
	return nil
}

// take returns those of some records that count and were written at from or behind it, and
// the spot behind all of them.
func (l *Log) take(c *copied, v *view, at spot, from int64, records []events.Record) ([]events.Record, spot, error) {
	var out []events.Record
	strangers := 0
	for i := range records {
		r := &records[i]
		if r.Offset < at.target {
			continue
		}
		at.target = r.Offset + 1
		p, ok := c.provenance(r)
		switch {
		case !ok:
			strangers += l.unseen(r.Offset)
			continue
		case p.Generation > v.generation:
			return nil, at, errChanged
		case p.Generation < v.generation || p.Born() < at.origin:
			continue // What was there before, or is there twice.
		}
		at.origin = p.Born() + 1
		if p.Born() >= from {
			if out == nil {
				out = make([]events.Record, 0, len(records)-i)
			}
			out = append(out, written(r, p.Born()))
		}
	}
	if strangers > 0 {
		l.raw.Strangers(strangers)
	}
	return out, at, nil
}

// provenance is that of a record of the copy; ok is false if it does not count.
func (c *copied) provenance(r *events.Record) (p events.Provenance, ok bool) {
	p, ok = events.ProvenanceOf(r, c.at)
	return p, ok && p.ClusterPartition == c.of
}

// unseen is 1 if a record was not seen before, else 0.
func (l *Log) unseen(offset int64) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if offset < l.counted {
		return 0
	}
	l.counted = offset + 1
	return 1
}

// outside is the error of a fetch from an offset that the copy does not hold.
func (l *Log) outside(ctx context.Context, c *copied, v *view, from int64) error {
	_, end, err := eventlog.Bounds(ctx, l.raw)
	if err != nil {
		return err
	}
	if end, err = l.end(ctx, c, v, end); err != nil {
		return err
	}
	return &eventlog.OutOfRangeError{From: from, Start: v.first.origin, End: end}
}

// end is behind the newest record that counts, where the copy's target ends at an offset.
func (l *Log) end(ctx context.Context, c *copied, v *view, target int64) (int64, error) {
	if end, known := v.ended(target); known {
		return end, nil
	}
	newest, err := l.newest(ctx, c, v.first.target, target)
	switch {
	case err != nil:
		return 0, err
	case newest == nil || newest.term != v.term || newest.generation != v.generation:
		return 0, errChanged
	}
	v.ends(spot{newest.origin + 1, target})
	return newest.origin + 1, nil
}
