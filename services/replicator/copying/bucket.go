package copying

import (
	"math"
	"time"
)

// bucket fills at a rate, and what is taken of it may be more than it has: then it must fill
// again before more is taken.
type bucket struct {
	rate  float64 // a second; 0 is no limit
	level float64 // as it was at
	at    time.Time
}

// slack is how many seconds of its rate a bucket holds, so that what came late is made up for.
const slack = 0.25

// set changes the rate. What was taken by the one before counts for a second at most.
func (b *bucket) set(rate float64, now time.Time) {
	b.fill(now)
	b.rate = rate
	b.level = min(max(b.level, -rate), b.full())
}

func (b *bucket) full() float64 { return max(1, b.rate*slack) }

func (b *bucket) fill(now time.Time) {
	if passed := now.Sub(b.at).Seconds(); passed > 0 {
		b.level = min(b.level+passed*b.rate, b.full())
	}
	b.at = now
}

// wait is how long nothing may be taken.
func (b *bucket) wait(now time.Time) time.Duration {
	if b.rate == 0 {
		return 0
	}
	if b.fill(now); b.level > 0 {
		return 0
	}
	return time.Duration((-b.level+1e-6)/b.rate*float64(time.Second)) + time.Microsecond
}

// portion is how much to take at once, but for a single record that is larger.
func (b *bucket) portion() float64 {
	if b.rate == 0 {
		return math.Inf(1)
	}
	return max(1, b.rate/10)
}
