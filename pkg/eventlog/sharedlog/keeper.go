package sharedlog

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/steady"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// KeeperConfig is what a keeper works with. Host must be set.
type KeeperConfig struct {
	Host *Host
	// Work writes snapshots and deletes what they make superfluous; nil: neither is done.
	// It is used by this keeper alone.
	Work *eventlog.Housekeeper
	// Bytes, Events and Interval say when a snapshot is written, as those of
	// eventlog.SnapshotConfig do.
	Bytes    int64
	Events   int64
	Interval time.Duration
	// Now is a clock without steps; that of package steady if nil.
	Now func() time.Time
	// Board is told of what is tried again; slog.Default() is, if nil.
	Board *trouble.Board
	// Kept, if set, is told what became of a job of Work. It must not block.
	Kept func(eventlog.Outcome)
}

// Keeper does for one partition of a shared log what one host is to do: it writes
// snapshots, deletes what they make superfluous, and moves the time of the log when
// something is due. If two keepers do it at once nothing breaks: a snapshot is as good as
// another, and of two moves from the same time one counts.
type Keeper struct {
	cfg KeeperConfig

	// Of the fold, as of the last step. Whoever reads or writes them holds mu.
	mu      sync.Mutex
	pace    Pace
	grown   growth
	changed chan struct{}

	saved saved // of the goroutine that writes snapshots
}

// saved is the newest snapshot that this keeper knows of.
type saved struct {
	at    time.Time
	size  int64
	grown growth // what the host had folded then
}

const (
	// keeperPause is how long a keeper waits after an error.
	keeperPause = time.Second
	// snapshotPause is how long it waits after a snapshot that failed.
	snapshotPause = 10 * time.Second
	// snapshotLook is how often it looks whether a snapshot is due.
	snapshotLook = time.Second
)

// NewKeeper makes a keeper; nothing happens before Run.
func NewKeeper(cfg KeeperConfig) *Keeper {
	if cfg.Now == nil {
		cfg.Now = steady.New(steady.Read()).Now
	}
	if cfg.Board == nil {
		cfg.Board = trouble.NewBoard(nil)
	}
	return &Keeper{cfg: cfg, changed: make(chan struct{}, 1)}
}

// Run keeps the log until ctx ends, and then returns nil: for as long as this process is
// the one that is to. It may be run again, but not twice at once. Its error says why the
// host has ended.
func (k *Keeper) Run(ctx context.Context) error {
	stop, err := k.cfg.Host.Watch(ctx, &Watcher{Began: k.began, Decided: k.decided, Stepped: k.stepped})
	if err != nil {
		return k.ended(ctx, err)
	}
	defer stop()
	ctx, cancel := context.WithCancel(ctx)
	var snapshots sync.WaitGroup
	if k.cfg.Work != nil {
		snapshots.Go(func() { k.keepSnapshots(ctx) })
	}
	defer snapshots.Wait()
	defer cancel()
	return k.ended(ctx, k.keepTime(ctx))
}

// ended is the error of a run: none if it was to end.
func (k *Keeper) ended(ctx context.Context, err error) error {
	select {
	case <-ctx.Done():
		return nil
	default:
		return err
	}
}

func (k *Keeper) began(core Core, at Position) {
	k.moved()
	k.stepped(core, at)
}

func (k *Keeper) decided(_ Core, c *Call, v Verdict) {
	if _, ok := c.Message.(*events.LogTimePassed); ok && v.Accepted() {
		k.moved()
	}
}

func (k *Keeper) moved() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.pace.Moved(k.cfg.Now())
}

func (k *Keeper) stepped(core Core, at Position) {
	due := core.Due()
	k.mu.Lock()
	news := k.pace.Folded(at.Now, due)
	k.grown = k.cfg.Host.grown
	k.mu.Unlock()
	if news {
		select {
		case k.changed <- struct{}{}:
		default:
		}
	}
}

// keepTime moves the time of the log whenever something is due.
func (k *Keeper) keepTime(ctx context.Context) error {
	try := k.cfg.Board.New(fmt.Sprintf("move the time of %s/%d", k.cfg.Host.cfg.Topic, k.cfg.Host.cfg.Partition))
	defer try.End()
	for ctx.Err() == nil {
		m, wait := k.move()
		if m == nil {
			k.wait(ctx, wait)
			continue
		}
		// TIME_MOVED is no error: another keeper has moved it on.
		_, err := k.cfg.Host.Call(ctx, m, nil)
		switch {
		case err == nil:
			try.Passed()
		case errors.Is(err, ErrEnded):
			return err
		default:
			try.Again(ctx, err, keeperPause)
		}
	}
	return nil
}

// move is what is to be appended now, or how long to wait for something to be due.
func (k *Keeper) move() (m *events.LogTimePassed, wait time.Duration) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if m, wait = k.pace.Next(k.cfg.Now()); m != nil {
		m.AtMs = time.Now().UnixMilli()
	}
	return m, wait
}

// wait waits until something else is due, or d has passed.
func (k *Keeper) wait(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-k.changed:
	case <-timer.C:
	case <-ctx.Done():
	}
}
