package trouble

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
)

// beginAgain is how long Until waits at most, and half of it at least: what f does has tried
// for long already.
const beginAgain = time.Second

// errNoAnswer is what is in the way of a Try that has begun and heard nothing.
var errNoAnswer = errors.New("there is no answer yet")

// Try is something that is tried until it succeeds. It is safe for concurrent use.
type Try struct {
	board *Board
	what  func() string

	mu    sync.Mutex
	since time.Time // zero: nothing is tried
	err   error     // the last one
	shown bool
	timer *time.Timer
	// turn tells the timer of this time from one that fired late.
	turn int
}

// New makes a Try of a loop: what it does, such as "read t/3". End it with the loop.
func (b *Board) New(what string) *Try {
	return &Try{board: b, what: func() string { return what }}
}

// Begin makes a Try of one call that has begun, and of which an answer is awaited within
// expected; what it does is asked only when it is told of.
func (b *Board) Begin(what func() string, expected time.Duration) *Try {
	t := &Try{board: b, what: what}
	t.Begin(expected)
	return t
}

// Begin notes that an answer is awaited: a Try that has none Patience after expected is
// told of.
func (t *Try) Begin(expected time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.since.IsZero() {
		t.since = time.Now()
		t.arm(expected + Patience)
	}
}

// Failed notes an error after which it is tried again. One that was given up after a while
// is told of at once.
func (t *Try) Failed(err error) {
	t.mu.Lock()
	first := t.err == nil
	t.err = err
	if t.since.IsZero() {
		t.since = time.Now()
	}
	due := t.shown || eventlog.IsDenied(err) || eventlog.IsUnavailable(err)
	switch {
	case due && !t.shown:
		t.arm(Every)
	case first && !due: // An answer is not awaited any longer.
		t.arm(Patience)
	}
	t.shown = due
	t.mu.Unlock()
	if due {
		t.show()
	}
}

// Again is Failed, and then waits, but no longer than ctx: false if that has ended.
func (t *Try) Again(ctx context.Context, err error, pause time.Duration) bool {
	t.Failed(err)
	return Pause(ctx, pause)
}

// Until does f until it succeeds, ctx ends, or it fails for a reason that time does not mend.
// What was given up because nothing answers (eventlog.IsUnavailable) is begun anew. So
// begins what runs until it is stopped: an outage makes it late, and does not end it. f is
// told of by its own Try while it waits.
func (b *Board) Until(ctx context.Context, what string, f func() error) error {
	try := b.New(what)
	defer try.End()
	try.Begin(math.MaxInt64 - Patience)
	for {
		err := f()
		if err == nil {
			try.Passed()
			return nil
		}
		if ctx.Err() != nil || !eventlog.IsUnavailable(err) || !try.Again(ctx, err, beginAgain/2+rand.N(beginAgain/2)) {
			return err
		}
	}
}

// Passed notes that it succeeded.
func (t *Try) Passed() { t.end(true) }

// End notes that it is not tried any more.
func (t *Try) End() { t.end(false) }

func (t *Try) end(passed bool) {
	t.mu.Lock()
	shown := t.shown
	t.since, t.err, t.shown = time.Time{}, nil, false
	t.turn++
	if t.timer != nil {
		t.timer.Stop()
		t.timer = nil
	}
	t.mu.Unlock()
	if shown {
		t.board.hide(t, passed)
	}
}

// arm wakes the Try after d, and not before; t.mu is held.
func (t *Try) arm(d time.Duration) {
	if t.timer != nil {
		t.timer.Stop()
	}
	t.turn++
	turn := t.turn
	t.timer = time.AfterFunc(d, func() { t.fire(turn) })
}

// fire shows a Try that lasts, and wakes it again to be told of again.
func (t *Try) fire(turn int) {
	t.mu.Lock()
	if turn != t.turn {
		t.mu.Unlock()
		return
	}
	t.shown = true
	t.arm(Every)
	t.mu.Unlock()
	t.show()
}

func (t *Try) show() {
	if what, since, err := t.state(); !since.IsZero() {
		t.board.show(t, what, err, since)
	}
	t.mu.Lock()
	gone := !t.shown // It ended meanwhile, before it was entered.
	t.mu.Unlock()
	if gone {
		t.board.hide(t, false)
	}
}

// state is what it does, since when something is in the way, and what; zero if nothing is.
func (t *Try) state() (what string, since time.Time, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err = t.err; err == nil {
		err = errNoAnswer
	}
	return t.what(), t.since, err
}

// Pause waits that long: false if ctx ended before. What tries again pauses by
// Try.Again; this is for what tells of itself (eventlog.FollowerConfig.Pause).
func Pause(ctx context.Context, d time.Duration) bool {
	if d <= 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
