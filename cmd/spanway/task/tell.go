package task

import (
	"context"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
)

// whyAfter is how long a person waits for a task before it is said what that waits for.
const whyAfter = 3 * time.Second

// tellWhy says on a terminal, after a while, what a task waits for, if it waits then. As long
// as that cannot be told, such as of a task that no scheduler has accepted yet, it looks again.
// It is over when stop returns.
func tellWhy(ctx context.Context, a *cli.App, id string, after time.Duration, why func(context.Context) (query.Explanation, error)) (stop func()) {
	if a.JSON() || !cli.Terminal(a.Err) {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			select {
			case <-time.After(after):
			case <-ctx.Done():
				return
			}
			x, err := why(ctx)
			if err != nil {
				continue
			}
			if x.Reason != "" && ctx.Err() == nil {
				a.Notef("waits: %s; see \"spanway task why %s\"\n", x.Reason, id)
			}
			return
		}
	}()
	return func() { cancel(); <-done }
}
