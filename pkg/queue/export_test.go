package queue

import (
	"context"

	"github.com/spanway/spanway/pkg/events"
)

// Pass moves the time of a queue's log, as its keeper does.
func Pass(ctx context.Context, q *Queue, from, to int64) error {
	return q.call(ctx, "pass", &events.LogTimePassed{FromMs: from, ToMs: to}, nil)
}
