package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// ErrNothingLost says that a log's state can be known: from its beginning, or from
// a snapshot.
var ErrNothingLost = errors.New("nothing is lost: the log can be folded")

// ResetConfig is what Reset works with; all must be set but Owner and Positions.
type ResetConfig struct {
	Log       Log
	Snapshots *Snapshots
	NewFold   func() Fold
	Encoder   events.Encoder
	Now       func() time.Time
	Random    func() [16]byte
	// Owner names who resets, and Reason says why, for people.
	Owner, Reason string
	// Positions are where the inputs begin, for those of which the log does not
	// say from where to read on.
	Positions Positions
}

// Reset accepts that the state of a log whose beginning is gone is lost: it claims
// the log, says so in it, and writes a snapshot of the empty state there, so that
// owners and readers go on. It returns what it wrote. ErrNothingLost: it did
// nothing. ErrDisowned: somebody else claimed the log meanwhile.
func Reset(ctx context.Context, cfg ResetConfig) (*events.LogLossAccepted, error) {
	t, err := cfg.open(ctx)
	if err != nil {
		return nil, fmt.Errorf("reset %s/%d: %w", cfg.Snapshots.Topic, cfg.Snapshots.Partition, err)
	}
	accepted, err := cfg.reset(ctx, t)
	if err != nil {
		return nil, fmt.Errorf("reset %s/%d: %w", t.Topic, t.Partition, err)
	}
	return accepted, nil
}

// undecided is the core of a log that is reset: it decides nothing.
type undecided struct{ Fold }

func (undecided) Decide(events.Input[struct{}], events.Clock, func(proto.Message)) {}
func (undecided) Advance(events.Clock, func(proto.Message)) bool                   { return false }
func (undecided) Publish(events.Logged, func(events.Outgoing))                     {}

// open folds what is left of the log, if its state is lost.
func (cfg *ResetConfig) open(ctx context.Context) (*tenure[struct{}], error) {
	start, _, err := Bounds(ctx, cfg.Log)
	if err != nil {
		return nil, err
	}
	usable, beyond, err := cfg.Snapshots.Usable(ctx, cfg.Log)
	if err != nil {
		return nil, err
	}
	snap, _, err := cfg.Snapshots.Restore(ctx, usable, cfg.NewFold)
	if err != nil {
		return nil, err
	}
	if start == 0 || snap != nil {
		return nil, ErrNothingLost
	}
	t := newTenure(&OwnerConfig[struct{}]{
		Log: cfg.Log, Topic: cfg.Snapshots.Topic, Partition: cfg.Snapshots.Partition,
		NewCore: func() Core[struct{}] { return undecided{cfg.NewFold()} }, Encoder: cfg.Encoder, Now: cfg.Now, Random: cfg.Random, Instance: cfg.Owner,
	})
	t.reader = NewReaderAt(cfg.Log, t.Topic, t.Partition, start)
	for _, st := range append(usable, beyond...) {
		t.newest.raise(st.Manifest.AtMs)
	}
	if err := t.reader.Barrier(ctx, func(l events.Logged, _ *events.Record) { t.newest.pass(l.Message) }); err != nil {
		return nil, err
	}
	if t.reader.judge.Unanchored {
		// What is left tells nothing. A claim that lands where it is expected does;
		// its epoch is above all that are known of.
		for _, st := range append(usable, beyond...) {
			t.reader.judge.Epoch = max(t.reader.judge.Epoch, st.Manifest.Epoch)
		}
	}
	return t, nil
}

func (cfg *ResetConfig) reset(ctx context.Context, t *tenure[struct{}]) (*events.LogLossAccepted, error) {
	if err := t.claimLog(ctx); err != nil {
		return nil, err
	}
	judge := t.reader.judge
	t.last = Header{At: judge.ClaimedAt, Epoch: judge.Epoch, Records: 1}
	t.batch.begin(t.Encoder, t.Topic, t.Partition, judge.Epoch)
	t.clock.Now = t.Now().UnixMilli()
	positions := t.reader.Inputs()
	for _, at := range cfg.Positions {
		if at.Next > positions.Map()[at.TopicPartition] {
			positions.Set(at.Topic, at.Partition, at.Next)
		}
	}
	accepted := &events.LogLossAccepted{Reason: cfg.Reason, From: 0, To: judge.ClaimedAt, AtMs: t.stamp()}
	t.emit(accepted)
	if t.fault != nil {
		return nil, t.fault
	}
	h := Header{At: t.reader.next, Prev: judge.History, Epoch: judge.Epoch}
	base, err := t.Log.Append(ctx, t.batch.seal(&h, positions))
	switch {
	case err != nil:
		return nil, fmt.Errorf("append at %d: %w", h.At, err)
	case base == h.At:
		t.reader.accept(h, positions)
	default:
		return nil, fmt.Errorf("append at %d, acknowledged at %d: %w; try again", h.At, base, ErrDisowned)
	}
	state := own{}
	state.fold(t.batch.logged[0], t.clock.Now, t.batch.size)
	snap, err := take(t.Topic, t.Partition, t.reader, &state, t.core, 0, t.clock.Now)
	if err != nil {
		return nil, err
	}
	snap.Manifest.AtMs = t.stamp()
	return accepted, cfg.Snapshots.Write(ctx, snap)
}
