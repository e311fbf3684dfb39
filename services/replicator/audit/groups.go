package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// Position is where a consumer group goes on in a partition.
type Position struct {
	Partition int32
	// Source is what the group has committed for the source, Target what that is in the
	// target, and Had what it has committed there; -1 if nothing.
	Source, Target, Had int64
	// Behind says that the copy has not come so far yet: from Target on, the group will
	// read records again which it has read from the source.
	Behind bool
}

// Backwards says that the group has read further in the target.
func (p *Position) Backwards() bool { return p.Had > p.Target }

// Group is a consumer group on both sides of a Pair.
type Group struct {
	Name string
	// SourceMembers and TargetMembers are how many are in it. A group that has members in
	// the target cannot be changed; one that has some in the source goes on meanwhile.
	SourceMembers, TargetMembers int
	// Positions are those of the partitions for which it has committed at the source.
	Positions []Position
}

// TranslateGroup tells where a consumer group of the source goes on in the target. It changes
// nothing.
func (p *Pair) TranslateGroup(ctx context.Context, name string) (Group, error) {
	g := Group{Name: name}
	source, target := p.cfg.Source.Kafka(), p.cfg.Target.Kafka()
	var err error
	if g.SourceMembers, err = source.Members(ctx, name); err != nil {
		return g, fmt.Errorf("source: %w", err)
	}
	if g.TargetMembers, err = target.Members(ctx, name); err != nil {
		return g, fmt.Errorf("target: %w", err)
	}
	committed, err := source.Committed(ctx, name, p.cfg.SourceTopic, p.Partitions)
	if err != nil {
		return g, fmt.Errorf("source: %w", err)
	}
	had, err := target.Committed(ctx, name, p.cfg.TargetTopic, p.Partitions)
	if err != nil {
		return g, fmt.Errorf("target: %w", err)
	}
	for _, n := range slices.Sorted(maps.Keys(committed)) {
		position, err := p.sides(n).position(ctx, committed[n])
		if err != nil {
			return g, fmt.Errorf("translate %s/%d@%d for group %s: %w", p.cfg.SourceTopic, n, committed[n], name, err)
		}
		position.Partition, position.Had = n, -1
		if offset, ok := had[n]; ok {
			position.Had = offset
		}
		g.Positions = append(g.Positions, position)
	}
	return g, nil
}

// position is where a reader of the source goes on that has come to an offset: at the first
// record of the target that it has not read, or behind all of them.
func (s *sides) position(ctx context.Context, offset int64) (p Position, err error) {
	if err := s.ends(ctx); err != nil {
		return p, err
	}
	before, hit, err := s.around(ctx, offset)
	if err != nil {
		return p, err
	}
	at := span{behind: s.cfg.TargetRange.Start, read: s.cfg.SourceRange.Start}
	if before != nil {
		at.behind, at.read = before.record.Offset+1, before.origin+1
	}
	if hit != nil {
		at.found, at.next = true, hit.record.Offset
	}
	if s.bothWays {
		if err := s.returned(ctx, offset, &at); err != nil {
			return p, err
		}
	}
	p.Source, p.Target = offset, max(at.behind, s.cfg.TargetRange.Start)
	if at.found {
		p.Target = max(at.next, s.cfg.TargetRange.Start)
	} else {
		p.Behind = at.read < offset
	}
	return p, nil
}

// span is what is known of a place in the target: next is the first record that is not read,
// if one was found, behind the place behind the last one that is. read is up to where that
// last one was read in the source.
type span struct {
	behind, read int64
	next         int64
	found        bool
}

// returned takes account of the records of the source that are copies of the target's own:
// their originals are read, too, if they are.
func (s *sides) returned(ctx context.Context, offset int64, at *span) error {
	back := &sides{source: s.target, target: s.source, cfg: s.cfg}
	back.cfg.Source, back.cfg.Target = s.cfg.Target, s.cfg.Source
	back.cfg.TargetRange = compare.Range{Start: max(offset, s.cfg.SourceRange.Start), End: s.cfg.SourceRange.End}
	_, after, err := back.search(ctx, back.cfg.TargetRange, func(*twin) bool { return true })
	if err != nil {
		return fmt.Errorf("look for copies that lead back: %w", err)
	}
	if after != nil && (!at.found || after.origin < at.next) {
		at.found, at.next = true, after.origin
	}
	if at.found {
		return nil
	}
	back.cfg.TargetRange.Start = at.read
	last, err := back.lastBefore(ctx, min(offset, s.cfg.SourceRange.End))
	if err != nil {
		return fmt.Errorf("look for copies that lead back: %w", err)
	}
	if last != nil {
		at.read, at.behind = last.record.Offset+1, max(at.behind, last.origin+1)
	}
	return nil
}

// CommitGroup commits the positions of a group in the target, which must have no members
// there (*kafka.GroupInUse), and returns how many it has changed. One that would go
// backwards is left as it is, but if forced.
func (p *Pair) CommitGroup(ctx context.Context, g Group, force bool) (changed int, err error) {
	offsets := map[int32]int64{}
	for i := range g.Positions {
		if at := &g.Positions[i]; at.Had != at.Target && (force || !at.Backwards()) {
			offsets[at.Partition] = at.Target
		}
	}
	if len(offsets) == 0 {
		return 0, nil
	}
	return len(offsets), p.cfg.Target.Kafka().SetCommitted(ctx, g.Name, p.cfg.TargetTopic, offsets)
}

// Groups are the consumer groups of the source cluster.
func (p *Pair) Groups(ctx context.Context) ([]string, error) {
	names, err := p.cfg.Source.Kafka().Groups(ctx)
	if err != nil {
		return nil, fmt.Errorf("source: %w", err)
	}
	return names, nil
}
