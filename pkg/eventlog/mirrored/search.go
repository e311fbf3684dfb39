package mirrored

import (
	"context"
	"fmt"

	"github.com/spanway/spanway/pkg/eventlog"
)

// found is a record of a copy that counts.
type found struct {
	spot
	generation uint32
	term       int64 // of the page that it was read with
}

// near is how many records are read rather than that their place is searched for.
const near = 2048

// view is what is known of the copy; it is found out if nothing is.
func (l *Log) view(ctx context.Context, c *copied) (*view, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen != nil {
		return l.seen, nil
	}
	start, end, err := eventlog.Bounds(ctx, l.raw)
	if err != nil {
		return nil, err
	}
	newest, err := l.newest(ctx, c, start, end)
	if err != nil {
		return nil, err
	}
	if newest == nil {
		return nil, fmt.Errorf("%s/%d, which is a copy of %s/%d, holds none of its records at the moment", c.at.Topic, c.at.Partition, c.of.Topic, c.of.Partition)
	}
	first, err := l.search(ctx, c, start, newest, func(f *found) bool { return f.generation >= newest.generation })
	switch {
	case err != nil:
		return nil, err
	case first.term != newest.term || first.generation != newest.generation:
		return nil, errChanged
	}
	l.views++
	v := &view{number: l.views, term: newest.term, generation: newest.generation, first: first.spot, spots: []spot{first.spot}}
	v.ends(spot{newest.origin + 1, end})
	l.seen = v
	return v, nil
}

// forget gives a view up.
func (l *Log) forget(v *view) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.seen == v {
		l.seen = nil
	}
}

// newest is the last record that counts of those between two offsets of the target; nil if
// there is none.
func (l *Log) newest(ctx context.Context, c *copied, start, end int64) (*found, error) {
	for back := int64(16); ; back *= 16 {
		from := max(start, end-back)
		var last *found
		for next := from; next < end; {
			page, err := l.raw.Fetch(ctx, next, 0)
			switch {
			case eventlog.IsOutOfRange(err), err == nil && page.Next <= next:
				return nil, errChanged
			case err != nil:
				return nil, err
			}
			for i := range page.Records {
				r := &page.Records[i]
				if r.Offset < next || r.Offset >= end {
					continue
				}
				if p, ok := c.provenance(r); ok && (last == nil || p.Generation > last.generation || p.Generation == last.generation && p.Born() > last.origin) {
					last = &found{spot{p.Born(), r.Offset}, p.Generation, page.Term}
				}
			}
			next = page.Next
		}
		if last != nil || from == start {
			return last, nil
		}
	}
}

// search returns the first record from an offset of the target on for which something is
// so, which is so for last, and for all between them once it is so for one.
func (l *Log) search(ctx context.Context, c *copied, from int64, last *found, so func(*found) bool) (*found, error) {
	first, err := l.probe(ctx, c, from, last)
	if err != nil || so(first) {
		return first, err
	}
	// It is not so for low, and so for high; nothing stands between mid and high if probe
	// comes to high.
	low, high := first.target, last
	for bound := high.target; bound-low > 1; {
		mid := low + (bound-low)/2
		f, err := l.probe(ctx, c, mid, high)
		switch {
		case err != nil:
			return nil, err
		case so(f):
			high, bound = f, mid
		default:
			low = f.target
		}
	}
	return high, nil
}

// probe returns the first record that counts at or behind an offset of the target: at
// last, it is there.
func (l *Log) probe(ctx context.Context, c *copied, from int64, last *found) (*found, error) {
	for next := from; next < last.target; {
		page, err := l.raw.Fetch(ctx, next, 0)
		switch {
		case eventlog.IsOutOfRange(err), err == nil && (page.Next <= next || page.Term != last.term):
			return nil, errChanged
		case err != nil:
			return nil, err
		}
		for i := range page.Records {
			r := &page.Records[i]
			if r.Offset < next || r.Offset >= last.target {
				continue
			}
			if p, ok := c.provenance(r); ok {
				return &found{spot{p.Born(), r.Offset}, p.Generation, page.Term}, nil
			}
		}
		next = page.Next
	}
	return last, nil
}

// seek returns a spot from which to read on to an offset: that of the offset itself if it
// is known, else one not far before it.
func (l *Log) seek(ctx context.Context, c *copied, v *view, from int64) (spot, error) {
	before, after, ok := v.around(from)
	if from-before.origin <= near || ok && after.target-before.target <= near {
		return before, nil
	}
	if !ok {
		_, end, err := eventlog.Bounds(ctx, l.raw)
		if err != nil {
			return before, err
		}
		after.target = end
		if after.origin, err = l.end(ctx, c, v, end); err != nil {
			return before, err
		}
	}
	last := &found{after, v.generation, v.term}
	for last.target-before.target > near && from-before.origin > near {
		mid := before.target + (last.target-before.target)/2
		f, err := l.probe(ctx, c, mid, last)
		switch {
		case err != nil:
			return before, err
		case f.target < last.target && f.origin <= from:
			before = f.spot
			v.note(before)
		default:
			last = &found{spot{f.origin, mid}, v.generation, v.term}
		}
	}
	return before, nil
}
