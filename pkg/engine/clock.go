package engine

import "time"

// clock tells milliseconds that never run backwards. The monotonic clock stands
// still while some machines sleep, and the time of day may be set back; going
// by whichever went further notices every pause and survives every correction.
type clock struct {
	start time.Time
	last  int64
}

func newClock() *clock { return &clock{start: time.Now()} }

func (c *clock) now() int64 {
	t := time.Now()
	passed := max(t.Sub(c.start), t.Round(0).Sub(c.start.Round(0)))
	c.last = max(c.last, c.start.UnixMilli()+passed.Milliseconds())
	return c.last
}
