package client

import (
	"context"
	"fmt"
	"strings"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

// command waits until one request has been decided. Its tail's lock guards it
// until done.
type command struct {
	// match tells the event that it may cause. The last one seen by the time of
	// the decision is its effect: an earlier one has another cause.
	match   func(events.Logged) bool
	request int64 // -1 while not acknowledged
	done    chan struct{}
	effect  events.Logged
	refused *events.TaskRejected
	err     error // why there will be no answer
}

// finish ends a command if it has been decided.
func (t *tail) finish(c *command) {
	if c.request < 0 || c.request >= t.decided {
		return
	}
	refused, _ := t.refused.get(c.request)
	c.refused = refused.TaskRejected
	t.end(c)
}

func (t *tail) end(c *command) {
	if _, waits := t.commands[c]; !waits {
		return
	}
	delete(t.commands, c)
	close(c.done)
}

// Cancel ends a task that has not ended. The error is *Refused with
// UNKNOWN_TASK or ALREADY_ENDED if there is nothing to cancel.
func (c *Client) Cancel(ctx context.Context, pool events.Pool, id events.TaskID, reason string) error {
	m := &events.TaskCancelRequested{TaskId: string(id), Pool: string(orDefault(pool)), Reason: reason}
	_, err := c.decide(ctx, orDefault(pool), m, func(l events.Logged) bool {
		e, ok := l.Message.(*events.TaskCancelled)
		return ok && e.TaskId == m.TaskId && e.Pool == m.Pool
	})
	return wrap(err, "cancel task %q", id)
}

// CancelMany ends all tasks of a pool that match, and returns how many did at
// the moment of the decision. They end one by one after that.
func (c *Client) CancelMany(ctx context.Context, pool events.Pool, filter *events.TaskFilter, reason string) (matched int64, err error) {
	if filter == nil {
		filter = &events.TaskFilter{}
	}
	m := &events.TaskCancelRequested{Pool: string(orDefault(pool)), Reason: reason, Filter: filter}
	l, err := c.decide(ctx, orDefault(pool), m, func(l events.Logged) bool {
		e, ok := l.Message.(*events.TaskBulkCancelStarted)
		return ok && e.Pool == m.Pool && proto.Equal(e.Filter, filter)
	})
	if e, ok := l.Message.(*events.TaskBulkCancelStarted); ok {
		matched = e.Matched
	}
	return matched, wrap(err, "cancel tasks of pool %q", orDefault(pool))
}

// Retry submits an ended task again and returns the ID of the new one; if it was
// retried before and that retry has not ended, the ID of that one. The error is
// *Refused with UNKNOWN_TASK or NOT_ENDED if that cannot be.
func (c *Client) Retry(ctx context.Context, pool events.Pool, id events.TaskID) (events.TaskID, error) {
	m := &events.TaskRetryRequested{TaskId: string(id), Pool: string(orDefault(pool))}
	l, err := c.decide(ctx, orDefault(pool), m, func(l events.Logged) bool { return retryOf(m, l) != "" })
	return retryOf(m, l), wrap(err, "retry task %q", id)
}

// retryOf is the task that an event says was made of that request, or was there
// already; "" if the event is about something else.
func retryOf(m *events.TaskRetryRequested, l events.Logged) events.TaskID {
	pool, id := "", ""
	switch e := l.Message.(type) {
	case *events.TaskAccepted:
		if e.Task.GetReplayOf() == "" {
			return ""
		}
		pool, id = e.Task.GetPool(), e.Task.GetId()
	case *events.TaskRepeated:
		pool, id = e.Pool, e.TaskId
	}
	// A retry of a retry is numbered like one of the first task.
	root := id[:max(strings.LastIndex(id, ".r"), 0)]
	if root == "" || pool != m.Pool || m.TaskId != root && !strings.HasPrefix(m.TaskId, root+".r") {
		return ""
	}
	return events.TaskID(id)
}

// Drain stops an engine from getting new work; what it runs goes on. The error
// is *Refused with UNKNOWN_ENGINE if the pool has no such engine.
func (c *Client) Drain(ctx context.Context, pool events.Pool, id events.EngineID, reason string) error {
	m := &events.EngineDrainRequested{EngineId: string(id), Pool: string(orDefault(pool)), Reason: reason}
	_, err := c.decide(ctx, orDefault(pool), m, func(l events.Logged) bool {
		e, ok := l.Message.(*events.EngineDraining)
		return ok && e.EngineId == m.EngineId && e.Pool == m.Pool
	})
	return wrap(err, "drain engine %q", id)
}

// Resume lets a drained engine get work again. The error is as that of Drain.
func (c *Client) Resume(ctx context.Context, pool events.Pool, id events.EngineID) error {
	m := &events.EngineResumeRequested{EngineId: string(id), Pool: string(orDefault(pool))}
	_, err := c.decide(ctx, orDefault(pool), m, func(l events.Logged) bool {
		e, ok := l.Message.(*events.EngineResumed)
		return ok && e.EngineId == m.EngineId && e.Pool == m.Pool
	})
	return wrap(err, "resume engine %q", id)
}

// Configure replaces the settings of a pool, whole; nil means all defaults. The
// error is *Refused with BAD_DATA if they cannot be, and with UNKNOWN_FIELD while
// the log is at a fold version that has none.
func (c *Client) Configure(ctx context.Context, name events.Pool, settings *events.PoolSettings) error {
	m := &events.PoolConfigureRequested{Pool: string(orDefault(name)), Settings: settings}
	_, err := c.decide(ctx, orDefault(name), m, func(l events.Logged) bool {
		e, ok := l.Message.(*events.PoolConfigured)
		return ok && e.Pool == m.Pool && proto.Equal(e.Settings, settings)
	})
	return wrap(err, "configure pool %q", orDefault(name))
}

// decide sends a command and waits until the scheduler has decided it. The
// event is the effect; it has no message if the command changed nothing because
// all was so already.
func (c *Client) decide(ctx context.Context, pool events.Pool, m proto.Message, match func(events.Logged) bool) (events.Logged, error) {
	_, err := request.Pool(string(pool), nil)
	if err == nil {
		err = request.Command(m)
	}
	if err != nil {
		return events.Logged{}, refused(err)
	}
	t, err := c.tailOf(ctx, pool)
	if err != nil {
		return events.Logged{}, err
	}
	cmd := &command{match: match, request: -1, done: make(chan struct{})}
	t.mu.Lock()
	t.commands[cmd] = struct{}{}
	t.mu.Unlock()
	defer func() {
		t.mu.Lock()
		delete(t.commands, cmd)
		t.mu.Unlock()
	}()
	if err := t.run(ctx); err != nil {
		return events.Logged{}, err
	}
	offset, err := c.command(ctx, pool, newID(), m)
	if err != nil {
		return events.Logged{}, err
	}
	t.mu.Lock()
	cmd.request = offset
	t.finish(cmd)
	t.mu.Unlock()

	select {
	case <-cmd.done:
	case <-ctx.Done():
		return events.Logged{}, t.gaveUp(ctx, "the command is durable, but no scheduler has decided it yet")
	case <-c.ctx.Done():
		return events.Logged{}, fmt.Errorf("the client was closed")
	}
	if cmd.err != nil {
		return events.Logged{}, fmt.Errorf("the command is durable, but what became of it cannot be read: %w", cmd.err)
	}
	if cmd.refused != nil {
		return events.Logged{}, refusedBy(cmd.refused)
	}
	return cmd.effect, nil
}

func orDefault(p events.Pool) events.Pool {
	if p == "" {
		return events.DefaultPool
	}
	return p
}

func wrap(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf(format+": %w", append(args, err)...)
}
