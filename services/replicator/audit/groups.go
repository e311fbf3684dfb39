package audit

import (
	"context"
	"fmt"
	"maps"
	"slices"
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

// position is that of the first copy at or behind an offset, or behind the newest copy
// where there is none yet.
func (s *sides) position(ctx context.Context, offset int64) (p Position, err error) {
	if err := s.ends(ctx); err != nil {
		return p, err
	}
	before, hit, err := s.around(ctx, offset)
	if err != nil {
		return p, err
	}
	p.Source = offset
	switch {
	case hit != nil:
		p.Target = hit.record.Offset
	case before != nil:
		p.Target, p.Behind = before.record.Offset+1, before.origin+1 < offset
	default:
		p.Target, p.Behind = s.cfg.TargetRange.Start, offset > s.cfg.SourceRange.Start
	}
	return p, nil
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
