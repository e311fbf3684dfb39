package query

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/allocator/idspace"
)

// Space is what the log of identifiers says of a space.
type Space struct {
	Name string `json:"space"`
	// From and To are the first and the last identifier.
	From int64 `json:"from"`
	To   int64 `json:"to"`
	// QuarantineMs is how long a released range rests, in the time of the log.
	QuarantineMs int64 `json:"quarantine_ms"`
	MaxCount     int64 `json:"max_count"`
	// Since is the offset of its declaration.
	Since int64 `json:"since"`
	// Size is how many identifiers there are: so many are free, live and in quarantine.
	Size        int64 `json:"size"`
	Free        int64 `json:"free"`
	Live        int64 `json:"live"`
	Quarantined int64 `json:"quarantined"`
	// LargestFree is the longest range that is free.
	LargestFree int64 `json:"largest_free"`
	// Fragmentation is the part of what is free that is not in that range.
	Fragmentation float64 `json:"fragmentation"`
	// LastsMs is how long the free ones last if they become fewer as lately, in
	// milliseconds; absent if they do not, and until ten minutes of that were seen.
	LastsMs *int64 `json:"lasts_ms,omitempty"`
	// Grants hold a part of it or rest; Ended are the ones that are remembered besides.
	Grants int `json:"grants"`
	Ended  int `json:"ended"`
	// LogMs is the time of the log, in milliseconds since it began.
	LogMs int64    `json:"log_ms"`
	AsOf  Position `json:"as_of"`
}

// Range is a contiguous range of a space in one state.
type Range struct {
	From  int64  `json:"from"`
	To    int64  `json:"to"`
	State string `json:"state"`
	// Granted is how often it, or a part of it, was granted.
	Granted int64 `json:"granted"`
	// RequestID and Owner are of the grant that holds it, or held it if it rests.
	RequestID string `json:"request_id,omitempty"`
	Owner     string `json:"owner,omitempty"`
	// Since is the offset of the event by which it is live or began to rest.
	Since int64 `json:"since,omitempty"`
	// FreeAtMs is when its lease or its rest ends, in the time of the log; absent if there
	// is no lease, or if it begins with the next move of that time.
	FreeAtMs int64 `json:"free_at_ms,omitempty"`
	// Until is the time of day at which it does, in RFC 3339: it may be later, and is never
	// earlier. It is absent if there is none, or if it is not known.
	Until string `json:"until,omitempty"`
}

// Spaces folds the log of identifiers to its end, and returns all spaces by their names.
// asOf says how far each partition was read.
func (q *Querier) Spaces(ctx context.Context) (all []*Space, asOf []Position, err error) {
	partitions := make([]int32, events.IDEventPartitions)
	for i := range partitions {
		partitions[i] = int32(i)
	}
	all, asOf, err = onEach(ctx, partitions, func(ctx context.Context, p int32) ([]*Space, folded, error) {
		core, done, err := q.foldSpaces(ctx, p)
		if err != nil {
			return nil, folded{}, err
		}
		var out []*Space
		for s := range core.Spaces() {
			if events.SpacePartition(s.Rules().Name) == p {
				out = append(out, spaceOf(s, &done))
			}
		}
		return out, done.folded, nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the spaces: %w", err)
	}
	slices.SortFunc(all, func(a, b *Space) int { return strings.Compare(a.Name, b.Name) })
	return all, asOf, nil
}

// Space returns one space. The error is *client.Refused with UNKNOWN_SPACE if there is
// none of that name.
func (q *Querier) Space(ctx context.Context, name string) (*Space, error) {
	s, done, err := q.spaceNow(ctx, name)
	if err != nil {
		return nil, err
	}
	return spaceOf(s, done), nil
}

// Ranges gives the ranges of a space that end at an identifier or behind it, in order, and
// at last what was never used, until see returns false. The errors are those of Space.
func (q *Querier) Ranges(ctx context.Context, name string, from int64, see func(Range) bool) (Position, error) {
	s, done, err := q.spaceNow(ctx, name)
	if err != nil {
		return Position{}, err
	}
	for r := range s.Ranges(from) {
		if !see(done.rangeOf(r)) {
			return done.asOf, nil
		}
	}
	if fresh, ok := s.At(s.Next()); ok && from <= fresh.To {
		see(done.rangeOf(fresh))
	}
	return done.asOf, nil
}

func (q *Querier) spaceNow(ctx context.Context, name string) (*idspace.Space, *foldedSpaces, error) {
	core, done, err := q.foldSpaces(ctx, events.SpacePartition(name))
	if err != nil {
		return nil, nil, fmt.Errorf("read the space %q: %w", name, err)
	}
	s := core.Space(name)
	if s == nil {
		return nil, nil, unknownSpace(core, name, done.asOf)
	}
	return s, &done, nil
}

// unknownSpace says that there is no space of a name, and what to do.
func unknownSpace(core *idspace.Core, name string, asOf Position) error {
	text := fmt.Sprintf("no space %q as of %s", name, asOf)
	if was, rests := core.Deleted(name); rests {
		text += fmt.Sprintf("; it was deleted, and some of its identifiers %d to %d rest", was.From, was.To)
	}
	return &client.Refused{Code: events.CodeUnknownSpace, Message: text + ": spanway id list has the spaces that there are, spanway id create makes one"}
}

func spaceOf(s *idspace.Space, done *foldedSpaces) *Space {
	rules, room := s.Rules(), s.Room()
	out := &Space{
		Name: rules.Name, From: rules.From, To: rules.To, QuarantineMs: rules.QuarantineMs, MaxCount: rules.MaxCount,
		Since: s.Since(), Size: room.Size, Free: room.Free, Live: room.Live, Quarantined: room.Quarantined,
		LargestFree: room.LargestFree, Fragmentation: s.Fragmentation(), LogMs: done.logMs, AsOf: done.asOf,
	}
	out.Grants, out.Ended = s.Grants()
	if left, ok := s.Exhaustion(done.nowMs); ok {
		ms := left.Milliseconds()
		out.LastsMs = &ms
	}
	return out
}

func (f *foldedSpaces) rangeOf(r idspace.Range) Range {
	out := Range{From: r.From, To: r.To, State: r.State.String(), Granted: r.Granted, Since: r.Since, FreeAtMs: r.Until}
	if r.Grant != nil {
		out.RequestID, out.Owner = r.Grant.RequestID, r.Grant.Owner
	}
	switch {
	case r.Lasts > 0: // It begins with the next move of the time.
		out.Until = events.Stamp(f.nowMs + r.Lasts)
	case r.Until > 0 && f.movedMs > 0:
		out.Until = events.Stamp(f.movedMs + r.Until - f.logMs)
	}
	return out
}

// foldedSpaces says how far a fold of identifiers came, and the time of the log there.
type foldedSpaces struct {
	folded
	logMs int64
	// movedMs is the time of day at which it came to that; 0 if it is not known.
	movedMs int64
}

// foldSpaces folds a partition of the log of identifiers to its end.
func (q *Querier) foldSpaces(ctx context.Context, partition int32) (*idspace.Core, foldedSpaces, error) {
	return q.foldShared(ctx, partition, true, nil)
}

// foldShared folds a partition from the newest snapshot, or from the oldest that can be
// used, which leaves more of the history. begun, if set, is given the fold before it reads
// on, and again if it begins anew.
func (q *Querier) foldShared(ctx context.Context, partition int32, newest bool, begun func(*sharedlog.Fold, *idspace.Core, int64)) (core *idspace.Core, done foldedSpaces, err error) {
	topic := q.topics.IDEvents()
	err = q.folding(ctx, topic, partition, func(start int64, log eventlog.Log) error {
		core = idspace.New()
		fold, r := sharedlog.NewFold(core, sharedlog.Horizon), eventlog.NewSharedReader(log, topic, partition)
		if start > 0 {
			snap, restored, err := q.sharedFrom(ctx, log, topic, partition, newest)
			if err != nil {
				return err
			}
			fold = restored
			core, _ = fold.Core().(*idspace.Core)
			if r, err = eventlog.NewReaderFrom(log, snap.Manifest); err != nil {
				return err
			}
		}
		if begun != nil {
			begun(fold, core, r.Position())
		}
		if err := r.Barrier(ctx, func(l events.Logged, _ *events.Record) { fold.Apply(l) }); err != nil {
			return err
		}
		done.folded = folded{reader: r, asOf: Position{topic, partition, r.Position()}, nowMs: time.Now().UnixMilli(), start: start}
		var movedAt int64
		done.logMs, movedAt = fold.Now()
		done.movedMs = movedMs(ctx, log, movedAt)
		return nil
	})
	return core, done, err
}

// movedMs is the time of day that a move of the time of a log says; 0 if it is not there any
// more, or says none.
func movedMs(ctx context.Context, log eventlog.Log, offset int64) int64 {
	if offset < 0 {
		return 0
	}
	page, err := log.Fetch(ctx, offset, 0)
	if err != nil || len(page.Records) == 0 || page.Records[0].Offset != offset {
		return 0
	}
	m, err := events.Message(&page.Records[0])
	moved, ok := m.(*events.LogTimePassed)
	if err != nil || !ok {
		return 0
	}
	return moved.AtMs
}

// sharedFrom restores the fold of a log whose beginning is gone. A *eventlog.LossError says
// that there is no snapshot of it.
func (q *Querier) sharedFrom(ctx context.Context, log eventlog.Log, topic string, partition int32, newest bool) (*eventlog.Snapshot, *sharedlog.Fold, error) {
	s := q.snapshots(topic, partition)
	usable, beyond, err := s.Usable(ctx, log)
	if err != nil {
		return nil, nil, err
	}
	if !newest {
		slices.Reverse(usable)
	}
	snap, restored, err := s.Restore(ctx, usable, func() eventlog.Fold { return sharedlog.NewFold(idspace.New(), sharedlog.Horizon) })
	if err != nil {
		return nil, nil, err
	}
	fold, ok := restored.(*sharedlog.Fold)
	if snap == nil || !ok {
		start, end, err := eventlog.Bounds(ctx, log)
		if err != nil {
			return nil, nil, err
		}
		return nil, nil, &eventlog.LossError{Topic: topic, Partition: partition, Start: start, End: end, Snapshots: len(usable) + len(beyond)}
	}
	return snap, fold, nil
}
