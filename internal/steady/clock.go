package steady

import (
	"sync"
	"time"
)

// Reading is what a host's two clocks say at one moment, in nanoseconds.
type Reading struct {
	// Wall is the time of day since the Unix epoch. It may step in both directions.
	Wall int64
	// Elapsed is counted from any moment. It only grows, also while the machine sleeps.
	Elapsed int64
}

// Read reads the host's clocks.
func Read() Reading { return Reading{Wall: time.Now().UnixNano(), Elapsed: elapsed()} }

// follow is the part of what has elapsed by which a clock moves towards the host's time
// of day at most.
const follow = 16

// Clock is a time of day without steps. It is made by New, and may be used by several
// goroutines.
type Clock struct {
	mu   sync.Mutex
	last int64 // Elapsed of the latest reading
	now  int64 // nanoseconds since the Unix epoch
}

// New makes a clock that begins with the time of day of the reading.
func New(r Reading) *Clock { return &Clock{last: r.Elapsed, now: r.Wall} }

// Now reads the host's clocks and tells the time.
func (c *Clock) Now() time.Time { return time.Unix(0, c.Tell(Read())) }

// Tell is the time at a reading, in nanoseconds since the Unix epoch. It is never below
// that of an earlier call. Readings of several goroutines may come in any order.
func (c *Clock) Tell(r Reading) int64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	passed := r.Elapsed - c.last
	if passed <= 0 {
		return c.now
	}
	c.last = r.Elapsed
	c.now += passed
	most := passed / follow
	c.now += min(max(r.Wall-c.now, -most), most)
	return c.now
}
