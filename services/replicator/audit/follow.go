package audit

import (
	"context"
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

// Follower audits a partition window by window, each record once, behind what is copied. A
// window is what one read of the target gives, and of the source all up to the newest copy
// in it. It is for one goroutine.
//
// It begins with the newest records that the target has when it first looks. A window that
// differs is compared once more before it is told, by what both clusters say then: the
// source may just have been created again.
type Follower struct {
	sides
	letters func(ctx context.Context) (letters, error)

	begun   bool
	from    int64 // below it the source was compared
	at      int64 // and below this the target
	newest  compare.Newest
	doubted bool // the next window differed
}

// FollowConfig says what a Follower compares.
type FollowConfig struct {
	// Source and Target are the clusters.
	Source, Target *cluster.Cluster
	// Compare says how it was copied; its ranges and generations are the Follower's matter.
	Compare compare.Config
	// Letters is the topic of the target cluster that has the dead letters.
	Letters string
	// Declared is what the checkpoint of the copy says; nil if it says nothing.
	Declared func(ctx context.Context) (Declared, error)
}

// Followed is what one look has found.
type Followed struct {
	// Compared says that a window was compared, which begins there on both sides.
	Compared       bool
	Source, Target compare.Range
	compare.Result
	// Shrunk says that the source ends before the newest copy.
	Shrunk bool
	// Read are the records that were read, of both sides, for this window or in vain.
	Read int64
	// Skipped are offsets of the target that were deleted before they were compared.
	Skipped int64
	// Behind are offsets of the target that are yet to be compared.
	Behind int64
}

// Equal says that nothing is wrong.
func (f *Followed) Equal() bool { return f.Result.Equal() && !f.Shrunk }

// newestOffsets is how many offsets of a target a Follower begins before its end.
const newestOffsets = 10_000

// Follow makes a Follower; it does not connect.
func Follow(cfg FollowConfig) *Follower {
	from, to := cfg.Compare.Source, cfg.Compare.Target
	f := &Follower{sides: sides{
		source: kept{cfg.Source, from.Topic, from.Partition, cfg.Source.Partition(from.Topic, from.Partition)},
		target: kept{cfg.Target, to.Topic, to.Partition, cfg.Target.Partition(to.Topic, to.Partition)},
		cfg:    cfg.Compare, declared: cfg.Declared,
	}}
	f.letters = func(ctx context.Context) (letters, error) {
		return readLetters(ctx, cfg.Target, cfg.Letters, from.Cluster, from.Topic)
	}
	return f
}

// Look compares the next window, if there is one. After an error the next Look begins with
// the same window.
func (f *Follower) Look(ctx context.Context) (out Followed, err error) {
	if out, err = f.look(ctx); errors.Is(err, errMoved) {
		err = nil // Retention was faster; the next Look begins where it has come to.
	}
	if err != nil {
		to := f.cfg.Target
		err = fmt.Errorf("audit %s/%d: %w", to.Topic, to.Partition, err)
	}
	return out, err
}

func (f *Follower) look(ctx context.Context) (out Followed, err error) {
	stands, err := f.target.Range(ctx)
	if err != nil {
		return out, err
	}
	if !f.begun {
		if err = f.begin(ctx, stands); err != nil {
			return out, err
		}
	}
	if f.at > stands.End {
		f.at, f.begun = 0, false // It has lost its end, or was created again.
		return out, nil
	}
	if f.at < stands.Start {
		out.Skipped, f.at, f.newest = stands.Start-f.at, stands.Start, compare.Newest{}
	}
	if out.Behind = stands.End - f.at; out.Behind == 0 {
		return out, nil
	}
	page, err := f.target.Fetch(ctx, f.at, patience)
	if _, _, outside := eventlog.OutOfRange(err); outside || err == nil && page.Next <= f.at {
		return out, nil // It was deleted, or is not committed yet.
	}
	if err != nil {
		return out, fmt.Errorf("read the target: %w", err)
	}
	out.Read = int64(len(page.Records))
	if f.doubted {
		if err := f.refresh(ctx, stands); err != nil {
			return out, err
		}
	}
	w := f.window(page)
	if err := f.compare(ctx, &w, &out); err != nil {
		return out, err
	}
	if !out.Equal() && !f.doubted {
		f.doubted = true
		return out, nil
	}
	f.doubted = false
	f.from, f.at, f.newest = w.source.End, w.page.Next, w.newest
	out.Compared, out.Behind = true, max(0, stands.End-f.at)
	return out, nil
}

// begin takes where to begin, and what the generations are.
func (f *Follower) begin(ctx context.Context, stands compare.Range) (err error) {
	f.at, f.newest, f.doubted = max(stands.Start, stands.End-newestOffsets), compare.Newest{}, false
	f.cfg.TargetRange = stands
	if f.cfg.Generations, err = f.generations(ctx); err != nil {
		return err
	}
	if err = f.declare(ctx); err != nil {
		return err
	}
	f.begun = true
	return nil
}

// refresh looks at the generations of the whole target, at what was declared, and at the dead
// letters, again.
func (f *Follower) refresh(ctx context.Context, stands compare.Range) (err error) {
	f.cfg.TargetRange = stands
	if f.cfg.Generations, err = f.generations(ctx); err != nil {
		return err
	}
	if err = f.declare(ctx); err != nil {
		return err
	}
	buried, err := f.letters(ctx)
	if err != nil {
		return err
	}
	of := buried[f.cfg.Source.Partition]
	f.cfg.Buried = func(offset int64) bool { return of[offset] }
	return nil
}

// window is what is compared at once: copies of one generation.
type window struct {
	page   events.Page
	source compare.Range
	newest compare.Newest // behind it
	before compare.Newest
}

// window is what can be compared of a page of the target. A page ends for it where a
// generation begins, unless it begins with it.
func (f *Follower) window(page events.Page) window {
	w := window{newest: f.newest, before: f.newest, source: compare.Range{Start: f.from, End: f.from}}
	for i := range page.Records {
		t, ok := f.own(&page.Records[i])
		switch {
		case !ok || t.generation < w.newest.Generation || t.generation == w.newest.Generation && t.origin <= w.newest.Origin:
			continue // That of another writer, or one that stands again, is judged.
		case t.generation > w.newest.Generation && w.newest != w.before:
			page.Records, page.Next = page.Records[:i], page.Records[i].Offset
			w.page = page
			return w
		case t.generation > w.newest.Generation:
			w.before = compare.Newest{Generation: t.generation, Origin: t.origin - 1}
			w.source.Start = t.origin
			f.known(compare.Generation{Number: t.generation, Origin: t.origin, Target: t.record.Offset})
		}
		w.newest = compare.Newest{Generation: t.generation, Origin: t.origin}
		w.source.End = t.origin + 1
	}
	w.page = page
	return w
}

// known adds a generation that has begun since the last refresh.
func (f *Follower) known(g compare.Generation) {
	if n := len(f.cfg.Generations); n == 0 || f.cfg.Generations[n-1].Number < g.Number {
		f.cfg.Generations = append(f.cfg.Generations, g)
	}
}

// compare compares a window with the source.
func (f *Follower) compare(ctx context.Context, w *window, out *Followed) error {
	has, err := f.source.Range(ctx)
	if err != nil {
		return err
	}
	cfg := f.cfg
	cfg.SourceRange, cfg.TargetRange = w.source, compare.Range{Start: f.at, End: w.page.Next}
	for _, g := range cfg.Generations { // From there on the source was copied again.
		if g.Number > w.newest.Generation {
			cfg.SourceRange.End = min(cfg.SourceRange.End, g.Origin)
		}
	}
	out.Shrunk = cfg.SourceRange.End > has.End
	cfg.SourceRange.Start = max(cfg.SourceRange.Start, has.Start)
	cfg.SourceRange.End = max(min(cfg.SourceRange.End, has.End), cfg.SourceRange.Start)
	stream := compare.After(cfg, w.before)
	stream.Target(w.page.Records, w.page.Next)
	for side, from := stream.Next(); side == compare.ReadSource; side, from = stream.Next() {
		page, err := read(ctx, f.source, from)
		if err != nil {
			return fmt.Errorf("read the source: %w", err)
		}
		out.Read += int64(len(page.Records))
		stream.Source(page.Records, page.Next)
	}
	out.Result, out.Source, out.Target = stream.Result(), cfg.SourceRange, cfg.TargetRange
	return nil
}
