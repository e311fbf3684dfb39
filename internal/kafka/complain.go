package kafka

import (
	"log/slog"
	"time"
)

const (
	// complainAfter is how long an error that a moment mends may last unmentioned.
	complainAfter = time.Second
	// complainAgain lies between two mentions of the same error.
	complainAgain = 30 * time.Second
)

// complaint says when to tell of an error for which something is tried again for as
// long as it takes, so that this does not happen in silence: at once if a human has to
// act, else if it lasts; again if it changes, and every now and then.
type complaint struct {
	since, told time.Time
	last        string
}

// over means that it went well.
func (c *complaint) over() { *c = complaint{} }

// due reports whether to tell of an error now, and how loud.
func (c *complaint) due(err error) (slog.Level, bool) {
	now := time.Now()
	if c.since.IsZero() {
		c.since = now
	}
	level := slog.LevelError
	if classify(err) != denied {
		if level = slog.LevelWarn; now.Sub(c.since) < complainAfter {
			return level, false
		}
	}
	text := err.Error()
	if text == c.last && now.Sub(c.told) < complainAgain {
		return level, false
	}
	c.last, c.told = text, now
	return level, true
}
