package eventlog

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Where a follower without a fold begins, besides an offset.
const (
	// AtEnd: with what comes.
	AtEnd int64 = -1
	// AtStart: with the first event that the log still holds.
	AtStart int64 = -2
)

// FollowerConfig is what a follower works with. Log, Topic and Now must be set.
type FollowerConfig struct {
	Log       Log
	Topic     string
	Partition int32
	// Shared: the log has many writers (package sharedlog).
	Shared bool

	// Known, if set, is asked for the message of each call in a shared log.
	Known Known

	// NewFold makes a fold of nothing. Nil: the follower keeps no fold, and looks
	// only at what stands from From on.
	NewFold func() Fold
	// Snapshots, if set, are where a fold begins; else it begins at offset 0.
	Snapshots *Snapshots
	// From is where a follower without a fold begins: an offset, AtEnd or AtStart.
	From int64

	// Now is the clock, for Health.
	Now func() time.Time
	// Pause waits, or until ctx ends. Only Run uses it.
	Pause func(ctx context.Context, d time.Duration)
	Hooks FollowerHooks
}

// Known returns the message of a record of a shared log, which is a call with that ID, if
// it is at hand: it must be equal to what the record holds. Else it returns nil, and the
// record is decoded. It must not keep the record.
type Known func(call [16]byte, r *events.Record) proto.Message

// FollowerHooks tell the user of a follower what happens. Each may be nil. All are
// called by Step, and must not call it.
type FollowerHooks struct {
	// Visit is given each event that counts, when the fold has it.
	Visit Visit
	// Skipped: records do not count. They must not be kept.
	Skipped func(why Skip, records []events.Record)
	// Began: the follower reads from an offset on, for the first time or anew.
	Began func(b Beginning)
	// Stepped: a page was read, maybe one without records, and there is no doubt
	// that it goes on from what was read before.
	Stepped func()
	// Trouble: something is in the way (at once, and then every TroubleEvery), or
	// no longer is.
	Trouble func(h Health)
}

// Beginning says where a follower begins, and why it does so anew.
type Beginning struct {
	// At is the offset from which on it visits what counts.
	At int64
	// Fold is the fold of what counts below At, nil if none is kept; one of before
	// is not used any more. Snapshot is what it was restored from, if it was.
	Fold     Fold
	Snapshot *events.LogSnapshot
	// Before is the Position that the follower had come to, -1 at first. If At is
	// below it, the events from At on are visited again, or others in their place:
	// marks must be lowered to At. If At is above it, what stands between is not
	// visited: the fold, if any, holds it.
	Before int64
	// Why it begins anew: a *LostError, an *OvertakenError, or a *VersionError after
	// which it was stepped again; nil at first.
	Why error
}

// Follower keeps a fold of a log up to date, or looks at what comes to stand in
// it, for as long as it is stepped. It is not for concurrent use.
type Follower struct {
	cfg FollowerConfig

	reader *Reader // nil: it is to begin
	fold   Fold
	fault  error // what Apply could not do

	// term is that of the newest page, once sure: what was read before it stands.
	term  int64
	sure  bool
	trail trail
	// snapshot is where the fold began; begun the offset from which on it visits.
	snapshot *events.LogSnapshot
	begun    int64

	// before, and why it begins anew.
	before int64
	why    error

	// doubt is an offset at which something stands that ought to count, else -1.
	// What stands below heeded is no reason to begin anew.
	doubt, heeded int64

	beginnings int
	read       bool      // a page, since it began or Barrier asked
	hidden     time.Time // since when the leader hides what was read
	health     health
}

// NewFollower returns a follower; it does nothing before Begin, Step, Barrier or
// Run.
func NewFollower(cfg FollowerConfig) *Follower {
	f := &Follower{cfg: cfg, before: -1, doubt: -1}
	if cfg.NewFold == nil {
		f.trail.limit = trailMarks
	}
	return f
}

// Begin finds out where to begin, if it has not yet. What comes to stand in the
// log after it returned will be visited. The error is as that of Step.
func (f *Follower) Begin(ctx context.Context) error {
	if f.reader != nil {
		return nil
	}
	return f.note(ctx, "begin", f.begin(ctx))
}

// Step reads one page, for which it waits at most that long. If the log may have
// lost what was read, it first finds that out, and begins anew if so. Errors for
// which Final is true are for the user to act on; after them, too, Step may be
// called again, and begins anew. After all others it tries again what it could not
// do; it is for the caller to wait in between.
func (f *Follower) Step(ctx context.Context, wait time.Duration) error {
	if err := f.Begin(ctx); err != nil {
		return err
	}
	return f.note(ctx, "read", f.step(ctx, wait))
}

// Barrier reads everything that was in the log when it was called. If the log has
// lost its tail meanwhile, that is what is left, and all that was there when this
// was found. The error is as that of Step.
func (f *Follower) Barrier(ctx context.Context) error {
	for end, wait := int64(-1), time.Duration(0); end < 0 || f.Next() < end; {
		beginnings := f.beginnings
		f.read = false
		if err := f.Step(ctx, wait); err != nil {
			return err
		}
		if f.beginnings != beginnings {
			end, wait = -1, 0 // What was to be reached may be gone.
		}
		switch {
		case f.read && end < 0:
			end, wait = f.reader.end, longPoll
		case f.read && f.reader.end < end:
			var err error
			if end, err = Reachable(ctx, f.cfg.Log, end); err != nil {
				return f.reading(err)
			}
		}
	}
	return nil
}

// Run steps until ctx ends, and then returns ctx.Err(), or until an error for
// which Final is true. It tries again after all others, after pauses that grow;
// Trouble tells of them.
func (f *Follower) Run(ctx context.Context) error {
	for pause := firstPause; ; {
		err := f.Step(ctx, idlePoll)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case err == nil:
			pause = firstPause
			continue
		case Final(err):
			return err
		}
		f.cfg.Pause(ctx, pause)
		pause = min(2*pause, longestPause)
	}
}

// How long Run pauses after an error.
const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// Fold is the fold of everything below Position; nil if none is kept, or while the
// follower is to begin. It may be looked at until the next call of Step.
func (f *Follower) Fold() Fold { return f.fold }

// Position is the offset below which everything was judged; -1 before the first
// beginning.
func (f *Follower) Position() int64 {
	if f.reader == nil {
		return f.before
	}
	return f.reader.Position()
}

// Next is the offset that is read next: beyond Position if a batch is incomplete.
func (f *Follower) Next() int64 {
	if f.reader == nil {
		return f.before
	}
	return f.reader.next
}

// End is where the log ended when the newest page was read.
func (f *Follower) End() int64 {
	if f.reader == nil {
		return f.before
	}
	return f.reader.end
}

// Inputs returns the input positions of the newest batch that counts.
func (f *Follower) Inputs() Positions {
	if f.reader == nil {
		return nil
	}
	return f.reader.Inputs()
}

// Judge returns the state of the chain at Position.
func (f *Follower) Judge() Judge {
	if f.reader == nil {
		return Judge{}
	}
	return f.reader.judge
}

func (f *Follower) step(ctx context.Context, wait time.Duration) error {
	page, err := f.cfg.Log.Fetch(ctx, f.reader.next, wait)
	start, end, outside := OutOfRange(err)
	switch {
	case outside:
		return f.outside(ctx, start, end, err)
	case err != nil:
		return f.reading(err)
	case !f.sure || f.term != page.Term:
		found, err := f.compare(ctx)
		switch {
		case err != nil:
			return fmt.Errorf("compare what was read of %s/%d up to %d with the log: %w", f.cfg.Topic, f.cfg.Partition, f.reader.next, err)
		case found == differs:
			return f.anew(ctx, &LostError{Expected: f.reader.next, Found: f.trail.newest()})
		case found == deleted:
			return f.overtaken(ctx, page.Start)
		}
		// Whatever answered the comparison, the page is of this term.
		f.sure, f.term = true, page.Term
	}
	return f.take(ctx, page)
}

// take judges a page and folds what counts.
func (f *Follower) take(ctx context.Context, page events.Page) error {
	f.fault, f.doubt = nil, -1
	f.reader.take(page, f.visit)
	f.trail.add(f.reader, &page)
	f.read = true
	switch {
	case f.fault != nil:
		f.drop(f.fault)
		return f.fault
	case f.doubt >= 0:
		at := f.doubt
		f.heeded = at + 1 + at - f.begun // It costs less than half of the reading.
		return f.anew(ctx, &LostError{Expected: f.reader.next, Found: at})
	case f.cfg.Hooks.Stepped != nil:
		f.cfg.Hooks.Stepped()
	}
	return nil
}

func (f *Follower) reading(err error) error {
	return fmt.Errorf("read %s/%d at %d: %w", f.cfg.Topic, f.cfg.Partition, f.reader.next, err)
}

// outside: the log does not hold the offset that is to be read.
func (f *Follower) outside(ctx context.Context, start, end int64, err error) error {
	next := f.reader.next
	switch {
	case end < next:
		return f.anew(ctx, &LostError{Expected: next, Found: end})
	case start <= next: // By now it does.
		return f.reading(err)
	}
	return f.overtaken(ctx, start)
}

// overtaken: what was to be read was deleted, or all by which to tell whether what
// was read is what the log held there in the end.
func (f *Follower) overtaken(ctx context.Context, start int64) error {
	why := &OvertakenError{Topic: f.cfg.Topic, Partition: f.cfg.Partition, Next: f.reader.next, Start: start}
	if f.cfg.NewFold != nil {
		return f.anew(ctx, why)
	}
	f.drop(why)
	return why
}

func (f *Follower) visit(l events.Logged, r *events.Record) {
	if f.fault != nil || l.Offset < f.begun {
		return
	}
	if f.fold != nil {
		f.fold.Apply(l)
		if f.fault = behind(f.fold, l, f.cfg.Topic, f.cfg.Partition); f.fault != nil {
			return
		}
	}
	if f.cfg.Hooks.Visit != nil {
		f.cfg.Hooks.Visit(l, r)
	}
}

// behind tells of a fold that stays behind the version which the log asks for: it
// would fold all that follows differently from others.
func behind(fold Fold, l events.Logged, topic string, partition int32) error {
	raised, ok := l.Message.(*events.LogFoldVersionRaised)
	if !ok || fold.FoldVersion() >= raised.Version {
		return nil
	}
	return &VersionError{
		What:    fmt.Sprintf("the fold of %s/%d from %d on", topic, partition, l.Offset),
		Version: raised.Version, Known: fold.FoldVersion(),
	}
}

// skipped looks at what does not count. A batch that landed just where its writer
// expected it does, unless its writer or this reader has seen what is lost.
func (f *Follower) skipped(why Skip, records []events.Record) {
	if f.cfg.Hooks.Skipped != nil {
		f.cfg.Hooks.Skipped(why, records)
	}
	if f.fold == nil || why != SkipOldEpoch && why != SkipOtherHistory || records[0].Offset < f.heeded {
		return
	}
	if h, _, err := begin(&records[0]); err == nil && h.At == records[0].Offset && f.doubt < 0 {
		f.doubt = h.At
	}
}
