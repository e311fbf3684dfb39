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

// Next is the move to append now, or how long to wait for something to be due.
func (p *Pace) Next(clock time.Time) (m *events.LogTimePassed, wait time.Duration) {
	if p.due == math.MaxInt64 {
		return nil, math.MaxInt64
	}
	passed := clock.Sub(p.since)
	left := max(1, min(p.due-p.now, MaxPassed)) // A move by nothing does not count.
	if passed.Milliseconds() < left {
		return nil, max(time.Duration(left)*time.Millisecond-passed, time.Millisecond)
	}
	return &events.LogTimePassed{FromMs: p.now, ToMs: p.now + min(passed.Milliseconds(), MaxPassed)}, 0
}
