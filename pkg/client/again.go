package client

import (
	"context"
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// Repeated tells of a task that this client submitted last by Submit or Do whether its ID
// had been submitted before: then the task is the one that was asked for first. It
// waits until a scheduler has decided the request, at most until ctx ends. The error is
// *Refused if the request was refused. Where several submit an ID for the first time at
// once, each may be told that it was the first.
func (c *Client) Repeated(ctx context.Context, pool events.Pool, id events.TaskID) (bool, error) {
	key := taskKey{orDefault(pool), id}
	t, err := c.tailOf(ctx, key.pool)
	if err != nil {
		return false, err
	}
	cmd, err := t.deciding(key)
	if err != nil {
		return false, err
	}
	defer func() {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.commands, cmd)
	}()
	if err := t.run(ctx); err != nil {
		return false, err
	}
	select {
	case <-cmd.done:
	case <-ctx.Done():
		return false, t.gaveUp(ctx, fmt.Sprintf("task %q is submitted, but no scheduler has decided it yet", id))
	case <-c.ctx.Done():
		return false, errors.New("the client was closed")
	}
	switch {
	case cmd.err != nil:
		return false, cmd.err
	case cmd.refused != nil:
		return false, &Refused{Code: events.Code(cmd.refused.Code), Message: cmd.refused.Message}
	}
	return t.repeated(key), nil
}

// deciding makes a command that ends once the newest request for a task is decided.
func (t *tail) deciding(key taskKey) (*command, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.tracked.get(key)
	if !ok || known.request < 0 {
		return nil, fmt.Errorf("task %q of pool %q was not submitted by this client, or is forgotten", key.task, key.pool)
	}
	cmd := &command{match: func(events.Logged) bool { return false }, request: known.request, done: make(chan struct{})}
	t.commands[cmd] = struct{}{}
	t.finish(cmd)
	return cmd, nil
}

func (t *tail) repeated(key taskKey) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, _ := t.tracked.get(key)
	return known.repeated()
}
