// Package following is what programs that follow logs (eventlog.Follower) do alike:
// they wait before they try again, and log what is in the way.
package following

import (
	"context"
	"log/slog"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
)

// Pause waits that long, or until ctx ends.
func Pause(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}

// Log logs what is in the way of the follower of a partition, or that nothing is any
// more. What is final is left out: it is returned to the follower's user. The logger
// may be nil.
func Log(to *slog.Logger, topic string, partition int32, h eventlog.Health) {
	switch {
	case to == nil || eventlog.Final(h.Err):
	case h.Err == nil:
		to.Info("the log is read again", "topic", topic, "partition", partition)
	default:
		to.Warn("the log cannot be read; it is tried again", "topic", topic, "partition", partition,
			"error", h.Err, "since", h.Since, "tries", h.Tries)
	}
}
