package audit

import (
	"context"
	"slices"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// twin is a copy in the target.
type twin struct {
	record     events.Record
	origin     int64
	generation uint32
}

// own is the copy of the source that a record of the target is; ok is false if it is none.
func (s *sides) own(r *events.Record) (t twin, ok bool) {
	p, ok := events.ProvenanceOf(r, s.cfg.Target)
	if !ok || p.ClusterPartition != s.cfg.Source || p.Swept(r) {
		return t, false
	}
	return twin{*r, p.Origin.Offset, p.Generation}, true
}

// search finds the first copy in a range of the target for which reached is true, and the
// last one before it; nil where there is none. Behind a copy for which it is true it must
// be true for all.
func (s *sides) search(ctx context.Context, in compare.Range, reached func(*twin) bool) (before, hit *twin, err error) {
	low, high := in.Start, in.End
	for low < high {
		at := low + (high-low)/2
		first, last, found, next, err := s.scan(ctx, at, high, reached)
		switch {
		case err != nil:
			return nil, nil, err
		case first == nil: // There is no copy from here on.
			high = at
		case reached(first):
			high, hit = at, first
		case found != nil:
			return last, found, nil
		default:
			low, before = next, last
		}
	}
	return before, hit, nil
}

// scan reads [from, to) up to the end of the page that has the first copy. It returns the
// first copy, the last of the page for which reached is false, the first for which it is
// true, and where the page ends.
func (s *sides) scan(ctx context.Context, from, to int64, reached func(*twin) bool) (first, last, found *twin, next int64, err error) {
	for next = from; next < to && first == nil; {
		page, err := read(ctx, s.target, next)
		if err != nil {
			return nil, nil, nil, 0, err
		}
		for i := range page.Records {
			r := &page.Records[i]
			t, ok := s.own(r)
			if r.Offset >= to {
				break
			}
			if !ok {
				continue
			}
			if first == nil {
				first = &t
			}
			if reached(&t) {
				return first, last, &t, page.Next, nil
			}
			last = &t
		}
		next = page.Next
	}
	return first, last, nil, next, nil
}

// lastBefore is the last copy below an offset of the target; nil if there is none.
func (s *sides) lastBefore(ctx context.Context, offset int64) (*twin, error) {
	never := func(*twin) bool { return false }
	for high, step := offset, int64(64); high > s.cfg.TargetRange.Start; step *= 4 {
		low := max(high-step, s.cfg.TargetRange.Start)
		var last *twin
		for at := low; at < high; {
			_, l, _, next, err := s.scan(ctx, at, high, never)
			if err != nil {
				return nil, err
			}
			if l != nil {
				last = l
			}
			at = next
		}
		if last != nil {
			return last, nil
		}
		high = low
	}
	return nil, nil
}

// generations are those of the target, oldest first.
func (s *sides) generations(ctx context.Context) (all []compare.Generation, err error) {
	in := s.cfg.TargetRange
	for newest := uint32(0); ; {
		_, hit, err := s.search(ctx, in, func(t *twin) bool { return t.generation > newest })
		if hit == nil || err != nil {
			return all, err
		}
		newest, in.Start = hit.generation, hit.record.Offset+1
		all = append(all, compare.Generation{Number: newest, Origin: hit.origin, Target: hit.record.Offset})
	}
}

// around is the first copy at or behind an offset of the source, and the last before it,
// of those that the present source may have: not of records that were copied again under a
// higher generation.
func (s *sides) around(ctx context.Context, offset int64) (before, hit *twin, err error) {
	runs := s.runs()
	i := -1
	for i+1 < len(runs) && runs[i+1].Origin <= offset {
		i++
	}
	if i >= 0 {
		if before, hit, err = s.search(ctx, s.cfg.TargetRange, from(runs[i].Number, offset)); err != nil {
			return nil, nil, err
		}
	}
	if before != nil && before.generation != runs[i].Number {
		if before = nil; i > 0 {
			before, _, err = s.search(ctx, s.cfg.TargetRange, from(runs[i-1].Number, runs[i].Origin))
		}
	}
	last := i+1 == len(runs)
	if err == nil && (hit == nil || hit.generation != runs[i].Number || !last && hit.origin >= runs[i+1].Origin) {
		if hit = nil; !last {
			hit, err = s.first(ctx, runs[i+1])
		}
	}
	return before, hit, err
}

// from is reached by copies of a generation from an origin on, and by higher generations.
func from(generation uint32, origin int64) func(*twin) bool {
	return func(t *twin) bool {
		return t.generation > generation || t.generation == generation && t.origin >= origin
	}
}

// runs are the generations of which copies count, from the first of each up to that of the
// next.
func (s *sides) runs() (runs []compare.Generation) {
	all := s.cfg.Generations
	for i := len(all) - 1; i >= 0; i-- {
		if len(runs) == 0 || all[i].Origin < runs[0].Origin {
			runs = slices.Insert(runs, 0, all[i])
		}
	}
	return runs
}

// first is the first copy of a generation; nil if it was deleted meanwhile.
func (s *sides) first(ctx context.Context, g compare.Generation) (*twin, error) {
	r, err := s.at(ctx, s.target, s.cfg.TargetRange, g.Target)
	if r == nil || err != nil {
		return nil, err
	}
	t, _ := s.own(r)
	return &t, nil
}
