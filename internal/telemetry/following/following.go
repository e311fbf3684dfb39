// Package following is what programs that follow logs (eventlog.Follower) do alike:
// they wait before they try again, and tell of what is in the way.
package following

import (
	"context"
	"fmt"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
)

// Pause is for eventlog.FollowerConfig.Pause. That the follower tries again is told by
// Trouble.
func Pause(ctx context.Context, d time.Duration) { trouble.Pause(ctx, d) }

// Try is for what a follower of a partition tries again. End it with the follower.
func Try(board *trouble.Board, topic string, partition int32) *trouble.Try {
	return board.New(fmt.Sprintf("follow %s/%d", topic, partition))
}

// Trouble is for eventlog.FollowerHooks.Trouble. What is final is left out: it is
// returned to the follower's user.
func Trouble(try *trouble.Try) func(eventlog.Health) {
	return func(h eventlog.Health) {
		switch {
		case h.Err == nil:
			try.Passed()
		case eventlog.Final(h.Err):
			try.End()
		default:
			try.Failed(h.Err)
		}
	}
}
