package eventlog

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// OwnerConfig is what an owner works with. All but Hooks, Instance, Receivers,
// Snapshots, Lost, IdleWait and TailEvery must be set.
type OwnerConfig[I any] struct {
	// Log is the partition to own; Topic and Partition are its name.
	Log       Log
	Topic     string
	Partition int32

	Inputs  Inputs[I]
	Outbox  Outbox
	NewCore func() Core[I]
	Encoder events.Encoder

	Now    func() time.Time
	Random func() [16]byte
	// Instance names the process in its claims, for people.
	Instance string
	Hooks    Hooks[I]
	// Receivers are the partitions on which events are published. They are told
	// when the log has lost its tail.
	Receivers []TopicPartition
	// Snapshots, if set, are where an owner begins, and what it writes.
	Snapshots *SnapshotConfig
	// Lost is what the owner before could not say any more; see Owner.Lost.
	Lost *events.LogTailLost

	// IdleWait bounds how long an owner waits for inputs before it looks at the
	// time again, unless its core is Timed; TailEvery is how often it confirms the tail
	// of its log, a fifth as often while nothing happens.
	// 0: DefaultIdleWait and DefaultTailEvery.
	IdleWait, TailEvery time.Duration
}

// Defaults of OwnerConfig.
const (
	DefaultIdleWait  = 50 * time.Millisecond
	DefaultTailEvery = 200 * time.Millisecond
)

// ErrDisowned says that somebody else has claimed the log. Nothing that this
// owner decided and did not publish will ever be acted on.
var ErrDisowned = errors.New("the log has a newer claim")

// LostError says that the log lacks records which it had acknowledged.
type LostError struct {
	// Expected is the offset where the log should go on, Found where it does.
	Expected, Found int64
}

func (e *LostError) Error() string {
	return fmt.Sprintf("acknowledged records are gone: expected the log to go on at %d, it does at %d; "+
		"look for an unclean leader election or a disk that lost power", e.Expected, e.Found)
}

// abandoned says that the tentative decisions of an epoch must be dropped, and
// the log claimed anew.
type abandoned struct{ cause error }

func (e *abandoned) Error() string { return e.cause.Error() }
func (e *abandoned) Unwrap() error { return e.cause }

// Owner owns one log while Run runs. Only one Run at a time.
type Owner[I any] struct {
	cfg  OwnerConfig[I]
	lost *events.LogTailLost
}

// NewOwner returns an owner; it does nothing before Run.
func NewOwner[I any](cfg OwnerConfig[I]) *Owner[I] {
	if cfg.IdleWait <= 0 {
		cfg.IdleWait = DefaultIdleWait
	}
	if cfg.TailEvery <= 0 {
		cfg.TailEvery = DefaultTailEvery
	}
	return &Owner[I]{cfg: cfg, lost: cfg.Lost}
}

// Lost is what was found to be lost of the log's tail, and is not in the log: what
// the next owner must be given. It is for after Run.
func (o *Owner[I]) Lost() *events.LogTailLost { return o.lost }

// Run folds the log, claims it and decides until ctx ends (and then returns
// ctx.Err()), or until something is in the way. ErrDisowned: there is a newer
// claim; whoever is still to own the log runs again, after a backoff. Where an
// append was given up, or acknowledged records are gone, it begins again by
// itself, unless not a single batch came through in between: then, and after
// all other errors, it is for the caller to try again after a backoff.
func (o *Owner[I]) Run(ctx context.Context) error {
	for {
		t := newTenure(&o.cfg)
		t.lost = o.lost
		err := t.run(ctx)
		if t.owned && o.cfg.Hooks.Disowned != nil {
			o.cfg.Hooks.Disowned(err)
		}
		o.lost = t.found(err)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		var again *abandoned
		if !errors.As(err, &again) || !t.progressed {
			return fmt.Errorf("own %s/%d: %w", o.cfg.Topic, o.cfg.Partition, err)
		}
	}
}
