package client

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// Repeated tells of a task that this client submitted last by Submit or Do whether its ID
// had been submitted before: then the task is the one that was asked for first. It
// waits until a scheduler has decided the request, at most until ctx ends. The error is
// *Refused if the request was refused. A scheduler from before task.repeated had a source
// does not say which of several first requests for an ID came again; then each may be
// told that it was the first.
func (c *Client) Repeated(ctx context.Context, pool events.Pool, id events.TaskID) (bool, error) {
	key := taskKey{orDefault(pool), id}
	if err := checkTask(key.pool, id); err != nil {
		return false, err
	}
	t, err := c.tailOf(ctx, key.pool)
	if err != nil {
		return false, err
	}
	request, err := t.requestOf(key)
	if err != nil {
		return false, err
	}
	if err := t.run(ctx); err != nil {
		return false, err
	}
	cmd := t.deciding(request)
	defer t.leave(cmd)
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
		return false, refusedBy(cmd.refused)
	}
	return t.repeated(key, request), nil
}

// requestOf is the offset of the newest request for a task.
func (t *tail) requestOf(key taskKey) (int64, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	known, ok := t.tracked.get(key)
	if !ok || known.request < 0 {
		return -1, fmt.Errorf("task %q of pool %q was not submitted by this client, or is forgotten", key.task, key.pool)
	}
	return known.request, nil
}

// deciding makes a command that ends once a request is decided.
func (t *tail) deciding(request int64) *command {
	t.mu.Lock()
	defer t.mu.Unlock()
	cmd := &command{match: func(events.Logged) bool { return false }, request: request, done: make(chan struct{})}
	t.commands[cmd] = struct{}{}
	t.finish(cmd)
	return cmd
}

// leave forgets a command that is waited for no longer.
func (t *tail) leave(cmd *command) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.commands, cmd)
}

func (t *tail) repeated(key taskKey, request int64) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.repeatedNow(key, request)
}

// repeatedNow is repeated under the lock.
func (t *tail) repeatedNow(key taskKey, request int64) bool {
	if said, ok := t.repeats.get(request); ok && said >= 0 {
		return true
	}
	known, _ := t.tracked.get(key)
	return known.request == request && known.repeated()
}

// decisionWithin bounds the wait for the decision of a request whose task has ended.
const decisionWithin = 2 * time.Second

// repeatedWhenEnded tells of a task that has ended whether a request was its first. If
// another was, the task may end before this one is decided.
func (t *tail) repeatedWhenEnded(ctx context.Context, key taskKey, request int64) bool {
	cmd := t.deciding(request)
	defer t.leave(cmd)
	late := time.NewTimer(decisionWithin)
	defer late.Stop()
	select {
	case <-cmd.done:
		return t.repeated(key, request)
	case <-ctx.Done():
	case <-late.C:
	case <-t.client.ctx.Done():
	}
	return true // Another request made the task that ended.
}

// Decision is what a scheduler made of a request for a task.
type Decision struct {
	// Repeated: the ID had been submitted before, and the task is that of then.
	Repeated bool
	// Refused is why there is no task; nil if there is one.
	Refused *Refused
}

// SubmitRequestDecided is SubmitRequestAsync that also tells what a scheduler made of
// the request. If done was called without an error, decided is called once after it when
// that is known, however late, or with an error when it cannot be found out; it is not
// called any more once the client is closed. Both must not block, nor call the client.
// The request is submitted all the same where the log cannot be read, for which the
// call waits a few seconds at most.
func (c *Client) SubmitRequestDecided(ctx context.Context, r *events.TaskRequested, done func(events.TaskID, error), decided func(Decision, error)) {
	key, id, err := c.prepare(r)
	if err != nil {
		done(key.task, notSent(err))
		return
	}
	t, unread := c.reading(ctx, key)
	err = c.send(ctx, key.pool, id, r, func(offset int64, err error) {
		done(key.task, wrap(err, "submit task %q", key.task))
		switch {
		case err != nil:
		case unread != nil:
			decided(Decision{}, unread)
		default:
			t.requested(key, offset)
			t.whenDecided(key, offset, decided)
		}
	})
	if err != nil {
		done(key.task, notSent(err))
	}
}

// readWithin bounds the wait for the log of a task that is submitted without waiting.
const readWithin = 5 * time.Second

// reading begins to read what becomes of a task that is about to be submitted.
func (c *Client) reading(ctx context.Context, key taskKey) (*tail, error) {
	ctx, cancel := context.WithTimeout(ctx, readWithin)
	defer cancel()
	t, err := c.tailOf(ctx, key.pool)
	if err != nil {
		return nil, err
	}
	t.track(key)
	return t, t.run(ctx)
}

// whenDecided calls tell once a request is decided.
func (t *tail) whenDecided(key taskKey, request int64, tell func(Decision, error)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.told[request] = func(err error) {
		if err != nil {
			tell(Decision{}, err)
			return
		}
		if m, _ := t.refused.get(request); m.TaskRejected != nil {
			tell(Decision{Refused: refusedBy(m.TaskRejected)}, nil)
			return
		}
		tell(Decision{Repeated: t.repeatedNow(key, request)}, nil)
	}
	t.tellOf(request)
}

// tell tells of the requests that were decided since the one before.
func (t *tail) tell(before int64) {
	if t.decided-before > int64(len(t.told)) {
		for request := range t.told {
			t.tellOf(request)
		}
		return
	}
	for request := before; request < t.decided; request++ {
		t.tellOf(request)
	}
}

func (t *tail) tellOf(request int64) {
	if told := t.told[request]; told != nil && request < t.decided {
		delete(t.told, request)
		told(nil)
	}
}
