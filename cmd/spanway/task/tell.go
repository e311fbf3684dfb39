package task

import (
	"context"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/events"
)

// whyAfter is how long a person waits for a task before it is said what that waits for.
const whyAfter = 3 * time.Second

// tellWhy says on a terminal, after a while, what a task waits for, if it waits then. It
// is over when stop returns.
func tellWhy(ctx context.Context, a *cli.App, c *cli.Conn, r *events.TaskRequested, after time.Duration) (stop func()) {
	if a.JSON() || !cli.Terminal(a.Err) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		select {
		case <-time.After(after):
		case <-ctx.Done():
			return
		}
		x, err := c.Why(ctx, poolOr(r.Pool), events.TaskID(r.TaskId))
		if err == nil && x.Reason != "" && ctx.Err() == nil {
			a.Notef("waits: %s; see \"spanway task why %s\"\n", x.Reason, r.TaskId)
		}
	}()
	return func() { cancel(); <-done }
}
