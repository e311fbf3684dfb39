package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/following"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/manager/network"
)

// Changes is the fold of network.changes for all deliveries of a process: a Fold. Follow keeps it.
type Changes struct {
	mu    sync.Mutex
	core  *network.Core
	moved chan struct{}
}

// NewChanges returns the fold of an empty log.
func NewChanges() *Changes { return &Changes{core: network.New(), moved: make(chan struct{})} }

// Look implements Fold.
func (c *Changes) Look(see func(core *network.Core)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	see(c.core)
}

// Moved implements Fold.
func (c *Changes) Moved() <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.moved
}

// Change lets change the core, and wakes what waits for that.
func (c *Changes) Change(change func(core *network.Core)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	change(c.core)
	close(c.moved)
	c.moved = make(chan struct{})
}

// Follow keeps the fold of a log up to date until ctx ends; then it returns nil. ready is called
// once, when all has been folded that was there. Where the log is folded anew the fold of before is
// looked at until that has come to the end. The error is one that no trying mends
// (eventlog.Final).
func (c *Changes) Follow(ctx context.Context, board *trouble.Board, topic string, log eventlog.Log, snapshots *eventlog.Snapshots, ready func()) error {
	try := following.Try(board, topic, 0)
	defer try.End()
	var anew *network.Core // folded, and not looked at yet
	changed := false
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: log, Topic: topic, Snapshots: snapshots, Now: time.Now, Pause: following.Pause,
		NewFold: func() eventlog.Fold { return &guarded{Core: network.New(), by: &c.mu} },
		Hooks: eventlog.FollowerHooks{
			Began:   func(b eventlog.Beginning) { anew = b.Fold.(*guarded).Core },
			Visit:   func(events.Logged, *events.Record) { changed = true },
			Trouble: following.Trouble(try),
		},
	})
	for pause, begun := firstPause, false; ctx.Err() == nil; {
		var err error
		if behind := !begun || anew != nil; behind {
			err = f.Barrier(ctx)
		} else {
			err = f.Step(ctx, stepWait)
		}
		switch {
		case err == nil:
			pause = firstPause
		case eventlog.Final(err):
			return err
		default:
			try.Again(ctx, err, pause)
			pause = min(2*pause, longestPause)
			continue
		}
		switch {
		case anew != nil && f.Next() >= f.End():
			c.swap(anew)
			anew, changed = nil, false
			if !begun {
				ready()
			}
			begun = true
		case anew == nil && changed:
			changed = false
			c.Change(func(*network.Core) {}) // Once for a page.
		}
	}
	return nil
}

// stepWait is how long a page is waited for.
const stepWait = 10 * time.Second

// swap lets another core be looked at.
func (c *Changes) swap(core *network.Core) {
	c.mu.Lock()
	c.core = core
	c.mu.Unlock()
	c.Change(func(*network.Core) {})
}

// guarded is a core that is folded while others look at it.
type guarded struct {
	*network.Core
	by *sync.Mutex
}

// Apply implements eventlog.Fold.
func (g *guarded) Apply(l events.Logged) {
	g.by.Lock()
	defer g.by.Unlock()
	g.Core.Apply(l)
}
