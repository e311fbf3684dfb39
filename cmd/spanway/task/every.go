package task

import (
	"context"
	"errors"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// submitEvery submits the task again and again, as a new one each time, until
// ctx ends. A task that fails is told and the next one follows; it ends with an
// error only if the brokers do not answer or the request is refused.
func submitEvery(ctx context.Context, a *cli.App, s *submission) error {
	if s.every <= 0 {
		return cli.Usage("--every %v: give a duration above 0, such as 1s", s.every)
	}
	if s.id != "" || s.file != "" || s.follow || s.dryRun || s.payload == "-" {
		return cli.Usage("--every makes many tasks of one request: leave out --id, --file, --follow, --dry-run and --payload -")
	}
	if _, err := s.request(a); err != nil {
		return err
	}
	return a.Connected(ctx, func(ctx context.Context, c *cli.Conn) error {
		ticks := time.NewTicker(s.every)
		defer ticks.Stop()
		for {
			r, err := s.request(a)
			if err == nil {
				err = submitAs(ctx, a, c, s, r)
			}
			if failed := (*client.TaskFailed)(nil); errors.As(err, &failed) {
				a.Notef("spanway: %v\n", err)
				err = nil
			}
			if ctx.Err() != nil {
				return nil // It was told to end; a task that it waited for goes on.
			}
			if err != nil {
				return err
			}
			select {
			case <-ctx.Done():
				return nil
			case <-ticks.C:
			}
		}
	})
}

// submitAs submits one task, and waits for it if the flags say so.
func submitAs(ctx context.Context, a *cli.App, c *cli.Conn, s *submission, r *events.TaskRequested) error {
	given := r.TaskId != ""
	if s.wait {
		began := time.Now()
		result, found, err := do(ctx, a, c, r, given)
		if !result.State.Ended() {
			return left(a, result, err)
		}
		return printEnd(a, result, found, time.Since(began), err)
	}
	id, err := c.SubmitRequest(ctx, r)
	if err != nil {
		return err
	}
	var printed error
	if !a.JSON() {
		printed = a.Printf("%s\n", id) // Before anything is waited for.
	}
	var found again
	if given {
		found = noteAgain(ctx, a, c, r, false)
	}
	if a.JSON() {
		return a.Object(taskView{ID: string(id), Pool: r.Pool, State: found.state, again: found})
	}
	return printed
}
