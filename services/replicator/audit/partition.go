package audit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// partition is one that is read, of what is committed.
type partition interface {
	// Range is what it holds.
	Range(ctx context.Context) (compare.Range, error)
	// Fetch is that of eventlog.Log.
	Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error)
}

// kept is a partition of a cluster.
type kept struct {
	cluster *cluster.Cluster
	topic   string
	id      int32
	eventlog.Log
}

func (k kept) Range(ctx context.Context) (compare.Range, error) {
	start, end, err := k.cluster.Offsets(ctx, k.topic, k.id)
	return compare.Range{Start: start, End: end}, err
}

// sides are both sides of a partition.
type sides struct {
	source, target partition
	cfg            compare.Config
	progress       func(read, all int64)
	bothWays       bool
	announced      bool
	declared       func(ctx context.Context) (Declared, error) // nil tells of nothing
}

// errMoved means that retention deleted what was about to be read.
var errMoved = errors.New("records were deleted while they were read")

const (
	patience = time.Second // of one read
	reads    = 30          // that find nothing, where something must be
)

// read reads one page of what stands below an end.
func read(ctx context.Context, p partition, from int64) (events.Page, error) {
	for range reads {
		page, err := p.Fetch(ctx, from, patience)
		if start, _, outside := eventlog.OutOfRange(err); outside && start > from {
			return page, fmt.Errorf("%w: those from %d on, up to %d", errMoved, from, start)
		}
		if err != nil || page.Next > from {
			return page, err
		}
	}
	return events.Page{}, fmt.Errorf("the broker gives nothing at offset %d, though its end lies behind", from)
}

// ends takes the ranges that are compared: the source's first, so that of what is copied
// meanwhile none is taken for invented.
func (s *sides) ends(ctx context.Context) (err error) {
	if s.cfg.SourceRange, err = s.source.Range(ctx); err != nil {
		return err
	}
	if s.cfg.TargetRange, err = s.target.Range(ctx); err != nil {
		return err
	}
	s.cfg.Generations, err = s.generations(ctx)
	return err
}

// declare takes what was declared: of all that is copied below the ends, for it is saved before.
// How far a checkpoint says that the source was decided may be old; the newest copy of its
// generation was decided by it, too.
func (s *sides) declare(ctx context.Context) error {
	if s.declared == nil {
		return nil
	}
	d, err := s.declared(ctx)
	if err != nil {
		return err
	}
	if n := len(d.All); n > 0 && s.announced {
		s.cfg.Routed = d.All[n-1].Routed
	}
	next := d.Next
	if len(d.All) > 0 {
		last, err := s.lastBefore(ctx, s.cfg.TargetRange.End)
		if err != nil {
			return fmt.Errorf("read the target: %w", err)
		}
		if last != nil && last.generation == d.Generation {
			next = max(next, last.origin+1)
		}
	}
	s.cfg.Declare(d.All, next)
	return nil
}
