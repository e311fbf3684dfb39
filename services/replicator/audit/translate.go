package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// Place is a record where it stands.
type Place struct {
	Offset, Timestamp int64
	Key               []byte
	// Hash is compare.Hash, with the offset in the source: equal on both sides.
	Hash uint64
}

// Twin is a record and its copy, by their offsets.
type Twin struct {
	Source, Target int64
	Generation     uint32
}

// Translation is the place on the other side of an offset.
type Translation struct {
	Partition int32
	// Exact says that the very record stands on both sides; Source and Target prove it.
	Exact bool
	// Source and Target are the records at the offsets; nil where there is none.
	Source, Target *Place
	// Before and After are the nearest copies around the offset, if it is not exact; nil
	// where there is none. After may be a copy of another record that had the offset.
	Before, After *Twin
	// Generation is that of the copy; 0 if it is not exact.
	Generation uint32
	// Within are the offsets of the partition that the offset was looked for in: in between,
	// too, there may be no record.
	Within compare.Range
}

// Translate tells where the copy of a record of the source stands.
func (p *Pair) Translate(ctx context.Context, partition int32, offset int64) (Translation, error) {
	t, err := p.sides(partition).translate(ctx, offset)
	t.Partition = partition
	if err != nil {
		return t, fmt.Errorf("translate %s/%d@%d: %w", p.cfg.SourceTopic, partition, offset, err)
	}
	return t, nil
}

// TranslateBack tells of which record of the source a record of the target is the copy.
func (p *Pair) TranslateBack(ctx context.Context, partition int32, offset int64) (Translation, error) {
	t, err := p.sides(partition).back(ctx, offset)
	t.Partition = partition
	if err != nil {
		return t, fmt.Errorf("translate %s/%d@%d back: %w", p.cfg.TargetTopic, partition, offset, err)
	}
	return t, nil
}

func (s *sides) translate(ctx context.Context, offset int64) (t Translation, err error) {
	if err := s.ends(ctx); err != nil {
		return t, err
	}
	t.Within = s.cfg.SourceRange
	source, err := s.at(ctx, s.source, s.cfg.SourceRange, offset)
	if err != nil {
		return t, err
	}
	if source != nil {
		t.Source = place(source, offset)
	}
	before, hit, err := s.around(ctx, offset)
	if err != nil {
		return t, err
	}
	if hit != nil && hit.origin == offset {
		t.prove(hit)
	}
	if !t.Exact {
		t.Before, t.After = twinOf(before), twinOf(hit)
	}
	return t, nil
}

// prove compares the two records.
func (t *Translation) prove(copied *twin) {
	t.Target = place(&copied.record, copied.origin)
	if t.Exact = t.Source != nil && t.Source.Hash == t.Target.Hash; t.Exact {
		t.Generation = copied.generation
	}
}

func (s *sides) back(ctx context.Context, offset int64) (t Translation, err error) {
	if err := s.ends(ctx); err != nil {
		return t, err
	}
	t.Within = s.cfg.TargetRange
	target, err := s.at(ctx, s.target, s.cfg.TargetRange, offset)
	if err != nil {
		return t, err
	}
	if target != nil {
		if copied, ok := s.own(target); ok {
			source, err := s.at(ctx, s.source, s.cfg.SourceRange, copied.origin)
			if err != nil {
				return t, err
			}
			if source != nil {
				t.Source = place(source, copied.origin)
			}
			t.prove(&copied)
			return t, nil
		}
		t.Target = place(target, -1)
	}
	before, err := s.lastBefore(ctx, min(offset, s.cfg.TargetRange.End))
	if err != nil {
		return t, err
	}
	behind := compare.Range{Start: max(offset, s.cfg.TargetRange.Start), End: s.cfg.TargetRange.End}
	_, after, err := s.search(ctx, behind, func(*twin) bool { return true })
	t.Before, t.After = twinOf(before), twinOf(after)
	return t, err
}

// at is the record at an offset; nil if there is none.
func (s *sides) at(ctx context.Context, p partition, in compare.Range, offset int64) (*events.Record, error) {
	if offset < in.Start || offset >= in.End {
		return nil, nil
	}
	page, err := read(ctx, p, offset)
	if errors.Is(err, errMoved) {
		return nil, nil
	}
	if err != nil || len(page.Records) == 0 || page.Records[0].Offset != offset {
		return nil, err
	}
	return &page.Records[0], nil
}

func place(r *events.Record, origin int64) *Place {
	return &Place{Offset: r.Offset, Timestamp: r.Timestamp, Key: r.Key, Hash: compare.Hash(r, origin)}
}

func twinOf(t *twin) *Twin {
	if t == nil {
		return nil
	}
	return &Twin{Source: t.origin, Target: t.record.Offset, Generation: t.generation}
}
