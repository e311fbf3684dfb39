package task

import (
	"bytes"
	"context"
	"errors"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/engine/command"
)

// follower prints what one task writes while it runs: its standard output to
// ours, and its standard error to ours.
type follower struct {
	app *cli.App
	id  events.TaskID
	// token is the attempt that said it, and out what it wrote to standard output.
	token uint64
	out   []byte
}

// saw prints the event if it is output, and tells whether it is.
func (f *follower) saw(e client.Event) (bool, error) {
	if client.TaskOf(e.Message) != f.id || !isOutput(e) {
		return false, nil
	}
	m := e.Message.(*events.TaskProgressed)
	if m.Token != f.token {
		f.token, f.out = m.Token, nil
	}
	to := f.app.TaskErrors()
	if m.DataType == events.ContentStdout {
		to, f.out = f.app.TaskOutput(), append(f.out, m.Data...)
	}
	_, err := to.Write(m.Data)
	return true, err
}

// rest is what a result holds and was not printed yet. If the result does not
// continue what was printed, it is something else.
func (f *follower) rest(r client.Result) []byte {
	if uint64(r.Token) != f.token {
		return r.Data
	}
	if rest, ok := bytes.CutPrefix(r.Data, f.out); ok {
		return rest
	}
	if len(f.out) > len(r.Data) && bytes.HasPrefix(f.out, r.Data) {
		return nil
	}
	return r.Data
}

func isOutput(e client.Event) bool {
	m, ok := e.Message.(*events.TaskProgressed)
	return ok && (m.DataType == events.ContentStdout || m.DataType == events.ContentStderr)
}

// watchTask follows one task; its end decides the exit code. If only is true
// nothing but what it writes is printed.
func watchTask(ctx context.Context, a *cli.App, c *cli.Conn, pool events.Pool, id events.TaskID, only bool) error {
	s, _, err := c.Task(ctx, pool, id)
	if err != nil {
		return err
	}
	f := &follower{app: a, id: id}
	raw := !a.JSON() && (only || s.Kind == command.Kind)
	var end client.Result
	err = c.Watch(ctx, client.WatchConfig{Pool: events.Pool(s.Pool), FromStart: true, Rewound: a.Rewound}, func(e client.Event) error {
		if client.TaskOf(e.Message) != id {
			return nil
		}
		if raw {
			if printed, err := f.saw(e); printed || err != nil {
				return err
			}
		}
		r, ended := client.ResultOf(e)
		if ended && raw && r.State == client.Succeeded {
			if _, err := a.TaskOutput().Write(f.rest(r)); err != nil {
				return err
			}
		}
		if !only || a.JSON() && (ended || isOutput(e)) {
			if err := a.PrintEvent(e, string(id)); err != nil {
				return err
			}
		}
		if ended {
			end = r
			return errEnded
		}
		return nil
	})
	if errors.Is(err, errEnded) {
		return end.Err()
	}
	return err
}

// settleWithin bounds the wait for output that stands before an end that is known.
const settleWithin = 5 * time.Second

// submitFollowed submits a task, prints what it writes while it waits for the
// end, and then what is left of the result.
func submitFollowed(ctx context.Context, a *cli.App, c *cli.Conn, r *events.TaskRequested) error {
	given := r.TaskId != ""
	if err := c.Validate(r); err != nil { // It names the task, too.
		return err
	}
	f := &follower{app: a, id: events.TaskID(r.TaskId)}
	watching, stop := context.WithCancel(ctx)
	defer stop()
	began, watched := make(chan struct{}), make(chan error, 1)
	go func() {
		watched <- c.Watch(watching, client.WatchConfig{Pool: poolOr(r.Pool), Began: func() { close(began) }, Rewound: a.Rewound}, f.follow)
	}()
	select {
	case <-began:
	case err := <-watched:
		return err
	}
	start := time.Now()
	result, found, err := do(ctx, a, c, r, given)
	if result.State == client.Rejected || !result.State.Ended() {
		stop()
	}
	late := time.AfterFunc(settleWithin, stop)
	defer late.Stop()
	if failed := <-watched; failed != nil && !errors.Is(failed, errEnded) {
		err = errors.Join(err, failed)
	}
	if !result.State.Ended() {
		return left(a, result, err)
	}
	if !a.JSON() {
		result.Data = f.rest(result)
	}
	return printEnd(a, result, found, time.Since(start), err)
}

// follow prints the output of the task until it ends, or had ended before.
func (f *follower) follow(e client.Event) error {
	if client.TaskOf(e.Message) != f.id {
		return nil
	}
	if m, ok := e.Message.(*events.TaskRepeated); ok && m.EndedAtOffset >= 0 {
		return errEnded
	}
	if _, ended := client.ResultOf(e); ended {
		return errEnded
	}
	if f.app.JSON() && isOutput(e) {
		return f.app.PrintEvent(e, string(f.id))
	}
	_, err := f.saw(e)
	return err
}

func poolOr(pool string) events.Pool {
	if pool == "" {
		return events.DefaultPool
	}
	return events.Pool(pool)
}
