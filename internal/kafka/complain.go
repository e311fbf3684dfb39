package kafka

import (
	"context"
	"log/slog"
	"time"
)

const (
	// complainAfter is how long an error that a moment mends may last unmentioned.
	complainAfter = time.Second
	// complainAgain lies between two mentions of the same error.
	complainAgain = 30 * time.Second
)

// complaint tells of an error for which something is tried again for as long as it
// takes, so that this does not happen in silence: at once if a human has to act, else
// if it lasts; again if it changes, and every now and then.
type complaint struct {
	since, told time.Time
	last        string
}

// over means that it went well.
func (c *complaint) over() { *c = complaint{} }

func (c *complaint) about(log *slog.Logger, message string, err error, attrs ...any) {
	now := time.Now()
	if c.since.IsZero() {
		c.since = now
	}
	level := slog.LevelWarn
	switch refused := classify(err) == denied; {
	case refused:
		level = slog.LevelError
	case now.Sub(c.since) < complainAfter:
		return
	}
	if text := err.Error(); text == c.last && now.Sub(c.told) < complainAgain {
		return
	} else {
		c.last, c.told = text, now
	}
	log.Log(context.Background(), level, message, append(attrs, "error", err)...)
}
