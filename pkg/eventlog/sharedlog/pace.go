package sharedlog

import (
	"math"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Pace decides when the time of a log is to be moved on, and by how much. It has no clock:
// it is told what a clock without steps shows, and the time never moves faster than that.
type Pace struct {
	since time.Time // when the last move was folded, or the fold began
	now   int64     // the time of the log
	due   int64
}

// Moved notes that a move was folded, or that a fold began, of which nothing is known
// of how long ago it was moved. It stood in the log before, so what is measured from here on is
// never more than what has passed.
func (p *Pace) Moved(clock time.Time) { p.since = clock }

// Folded notes the time of the log, and when something is due by it; news is whether
// either is another than before.
func (p *Pace) Folded(now, due int64) (news bool) {
	news = p.now != now || p.due != due
	p.now, p.due = now, due
	return news
}

const (
	// shortStep and longStep are the least and the most by which the time moves before
	// something is due.
	shortStep, longStep = time.Second, time.Minute
	// steps is which part of what is left such a step is.
	steps = 8
)

// step is after how long the time moves if something is due after left, in milliseconds: a
// keeper that is replaced forgets what has passed since the last move, and leases last longer
// by that.
func step(left int64) int64 {
	return min(left, max(shortStep.Milliseconds(), min(left/steps, longStep.Milliseconds())))
}

// Next is the move to append now, or how long to wait for it. While something is to be due the
// time moves in steps, so that a keeper that is replaced forgets little.
func (p *Pace) Next(clock time.Time) (m *events.LogTimePassed, wait time.Duration) {
	if p.due == math.MaxInt64 {
		return nil, math.MaxInt64
	}
	passed := clock.Sub(p.since)
	left := step(max(1, p.due-p.now)) // A move by nothing does not count.
	if passed.Milliseconds() < left {
		return nil, max(time.Duration(left)*time.Millisecond-passed, time.Millisecond)
	}
	return &events.LogTimePassed{FromMs: p.now, ToMs: p.now + min(passed.Milliseconds(), MaxPassed)}, 0
}
