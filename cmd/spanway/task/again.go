package task

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/internal/query"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

const (
	// decisionWithin bounds the wait for a scheduler to decide a request, after which
	// nothing is said of whether its ID is known.
	decisionWithin = 2 * time.Second
	// recallWithin bounds the look at the task that was there before.
	recallWithin = 5 * time.Second
)

// again is what is said of a request under an ID that had been submitted before.
type again struct {
	Already bool `json:"already,omitempty"`
	// Differs says in what the request is not that which was accepted.
	Differs []request.Difference `json:"differs,omitempty"`

	state client.State // "" if it was not found out
	known bool         // the request that was accepted is still in the log
}

// repeated tells whether the ID of a request that was submitted was known, or that the
// request was refused. That it cannot be told is no error: the request is durable.
func repeated(ctx context.Context, c *cli.Conn, r *events.TaskRequested) (already bool, refused *client.Refused) {
	ctx, cancel := context.WithTimeout(ctx, decisionWithin)
	defer cancel()
	already, err := c.Repeated(ctx, events.Pool(r.Pool), events.TaskID(r.TaskId))
	errors.As(err, &refused)
	return already, refused
}

// recall looks at the task that was there before a request, and compares.
func recall(ctx context.Context, c *cli.Conn, r *events.TaskRequested) again {
	found := again{Already: true}
	ctx, cancel := context.WithTimeout(ctx, recallWithin)
	defer cancel()
	t, l, err := c.Task(ctx, poolOr(r.Pool), events.TaskID(r.TaskId))
	if err != nil {
		return found // Its state is not known; that it is there is.
	}
	found.state = client.State(t.State)
	asked, err := request.New(nil).Check(r)
	if err != nil {
		return found // It was checked before it was sent.
	}
	for _, e := range l.History {
		if m, ok := e.Message.(*events.TaskAccepted); ok && m.Task.GetId() == r.TaskId {
			found.known, found.Differs = true, request.Differences(m.Task, asked)
		}
	}
	return found
}

// noteAgain says of a request that was submitted that its ID was known, if it was, and
// if nothing waits for its end, which tells of that, too, that it was refused.
func noteAgain(ctx context.Context, a *cli.App, c *cli.Conn, r *events.TaskRequested, waits bool) again {
	already, refused := repeated(ctx, c, r)
	if refused != nil && !waits {
		a.Notef("task %s was refused: %v\n", r.TaskId, refused)
	}
	if !already {
		return again{}
	}
	found := recall(ctx, c, r)
	a.Notef("%s\n", found.of(r.TaskId))
	return found
}

// of says it of a task.
func (g again) of(id string) string {
	text := fmt.Sprintf("task %s was already submitted", id)
	switch {
	case g.state == "":
		return text
	case !g.known:
		return fmt.Sprintf("%s (%s); its request is no longer in the log to be compared", text, g.state)
	}
	text = fmt.Sprintf("%s (%s)", text, g.state)
	if len(g.Differs) == 0 {
		return text
	}
	var all []string
	for _, d := range g.Differs {
		all = append(all, fmt.Sprintf("%s was %q, is now %q", d.Field, d.Was, d.Is))
	}
	return text + "; this request differs, which changes nothing: " + strings.Join(all, "; ")
}

// do submits a task and waits for its end, as client.DoRequest does. If its ID was given
// and is known, it says so before it waits.
func do(ctx context.Context, a *cli.App, c *cli.Conn, r *events.TaskRequested, given bool) (client.Result, again, error) {
	valid := c.Validate(r) == nil // It names the task, too.
	if valid {
		defer tellWhy(ctx, a, r.TaskId, whyAfter, func(ctx context.Context) (query.Explanation, error) {
			return c.Why(ctx, poolOr(r.Pool), events.TaskID(r.TaskId))
		})()
	}
	if !given || !valid {
		result, err := c.DoRequest(ctx, r)
		return result, again{}, err
	}
	result := client.Result{ID: events.TaskID(r.TaskId), Pool: poolOr(r.Pool)}
	if _, err := c.SubmitRequest(ctx, r); err != nil {
		return result, again{}, err
	}
	found := noteAgain(ctx, a, c, r, true)
	result, err := c.Wait(ctx, poolOr(r.Pool), events.TaskID(r.TaskId))
	if err != nil && !result.State.Ended() {
		err = &client.Unfinished{Pool: poolOr(r.Pool), Task: events.TaskID(r.TaskId), Err: err}
	}
	return result, found, err
}
