package client

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// waiter waits for the end of one task. Its tail's lock guards it until done.
type waiter struct {
	key taskKey
	// request is the offset of the request that it asks about; -1 if not known.
	request int64
	done    chan struct{}
	settled bool
	result  Result
	// lookAt is the offset at which the result stands instead; -1 if it is here.
	lookAt int64
	err    error // why there will be no result
	// begins is where the log began when it was read and did not tell of the task; 0
	// if it did, or was not read, or was whole.
	begins int64
}

func (w *waiter) resolve(r Result) { w.settle(r, -1) }

func (w *waiter) fail(err error) {
	if !w.settled {
		w.err = err
		w.settle(Result{ID: w.key.task, Pool: w.key.pool}, -1)
	}
}

func (w *waiter) settle(r Result, lookAt int64) {
	if !w.settled {
		w.settled, w.result, w.lookAt = true, r, lookAt
		close(w.done)
	}
}

// Do submits a task and waits for its end. The error is nil if it succeeded,
// *Refused if it was refused, *TaskFailed if it ended otherwise, *Unfinished if ctx
// ends first: then the task goes on. OutcomeOf tells what any error says of the request.
func (c *Client) Do(ctx context.Context, task Task) (Result, error) {
	return c.DoRequest(ctx, task.Request())
}

// DoRequest is Do for a request in the form of the wire.
func (c *Client) DoRequest(ctx context.Context, r *events.TaskRequested) (Result, error) {
	key, id, err := c.prepare(r)
	if err != nil {
		return rejection(key, err), err
	}
	t, err := c.tailOf(ctx, key.pool)
	if err != nil {
		return Result{ID: key.task, Pool: key.pool}, notSent(err)
	}
	w := t.register(key, -1)
	defer t.forget(w)
	t.track(key)
	if err := t.run(ctx); err != nil {
		return Result{ID: key.task, Pool: key.pool}, notSent(err)
	}
	offset, err := c.command(ctx, key.pool, id, r)
	if err != nil {
		return Result{ID: key.task, Pool: key.pool}, fmt.Errorf("submit task %q: %w", key.task, err)
	}
	t.requested(key, offset)
	t.asked(w, offset)
	result, err := t.await(ctx, w)
	if result.State.Ended() {
		result.Repeated = t.repeatedWhenEnded(ctx, key, offset)
	}
	if err != nil && !result.State.Ended() {
		err = &Unfinished{Pool: key.pool, Task: key.task, Err: err}
	}
	return result, err
}

// rejection is the result of a request that was refused before it was sent.
func rejection(key taskKey, err error) Result {
	r := Result{ID: key.task, Pool: key.pool}
	var refused *Refused
	if errors.As(err, &refused) {
		r.State, r.Code, r.Reason = Rejected, refused.Code, refused.Message
	}
	return r
}

// Wait waits for the end of a task, no matter what submitted it and when; the
// error is as that of Do, and *Refused if no task may have that ID. Of a task that this client did not submit lately it
// reads the whole log first.
//
// A task that was not submitted may still be, so Wait waits for it, for ever
// unless ctx has a deadline; and so it does for one of which the log does not tell
// any more, because its end was deleted. An error of the log that trying again does
// not mend (eventlog.Final) ends the wait.
func (c *Client) Wait(ctx context.Context, pool events.Pool, id events.TaskID) (Result, error) {
	if pool == "" {
		pool = events.DefaultPool
	}
	if err := checkTask(pool, id); err != nil {
		return Result{ID: id, Pool: pool}, err
	}
	key := taskKey{pool, id}
	t, err := c.tailOf(ctx, pool)
	if err != nil {
		return Result{}, err
	}
	w := t.register(key, -1)
	defer t.forget(w)
	if err := t.run(ctx); err != nil {
		return Result{}, err
	}
	t.mu.Lock()
	known, ok := t.tracked.get(key)
	t.mu.Unlock()
	switch {
	case ok && known.ended >= 0:
		return c.resultAt(ctx, key, known.ended)
	case ok:
		t.asked(w, known.request)
	default:
		if err := c.lookBack(ctx, t, w); err != nil {
			return Result{}, err
		}
	}
	return t.await(ctx, w)
}

// register makes a waiter; what the tail sees from now on reaches it.
func (t *tail) register(key taskKey, request int64) *waiter {
	w := &waiter{key: key, request: request, done: make(chan struct{})}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiters[key] = append(t.waiters[key], w)
	return w
}

func (t *tail) forget(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	rest := slices.DeleteFunc(t.waiters[w.key], func(other *waiter) bool { return other == w })
	if len(rest) == 0 {
		delete(t.waiters, w.key)
	} else {
		t.waiters[w.key] = rest
	}
}

// asked tells a waiter where its request stands, so that it knows a refusal as
// its own; the refusal may have been seen already.
func (t *tail) asked(w *waiter, request int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	w.request = request
	if m, _ := t.refused.get(request); m.TaskRejected != nil {
		w.resolve(resultOfRejected(m.TaskRejected))
	}
}

func (t *tail) await(ctx context.Context, w *waiter) (Result, error) {
	c := t.client
	select {
	case <-w.done:
	case <-ctx.Done():
		return Result{ID: w.key.task, Pool: w.key.pool}, t.gaveUp(ctx, w.what())
	case <-c.ctx.Done():
		return Result{ID: w.key.task, Pool: w.key.pool}, fmt.Errorf("wait for task %q: the client was closed", w.key.task)
	}
	if w.err != nil {
		return w.result, fmt.Errorf("wait for task %q: %w", w.key.task, w.err)
	}
	if w.lookAt >= 0 {
		return c.resultAt(ctx, w.key, w.lookAt)
	}
	return w.result, w.result.Err()
}

// what says what is waited for.
func (w *waiter) what() string {
	if w.begins == 0 {
		return fmt.Sprintf("wait for task %q", w.key.task)
	}
	return fmt.Sprintf("wait for task %q, of which the log does not tell, which begins at %d", w.key.task, w.begins)
}

// gaveUp says why waiting ended, with what the broker said last.
func (t *tail) gaveUp(ctx context.Context, what string) error {
	last := t.lastError()
	if last == nil {
		last = t.client.board.Err() // Of what is still tried.
	}
	if last != nil {
		return fmt.Errorf("%s: %w (%w)", what, ctx.Err(), last)
	}
	return fmt.Errorf("%s: %w", what, ctx.Err())
}

// lookBack finds a task that ended before the tail began to look, if its end is
// in the log still.
func (c *Client) lookBack(ctx context.Context, t *tail, w *waiter) error {
	var found *Result
	known, begins := false, int64(0)
	f, try := c.follower(t.partition, eventlog.AtStart, eventlog.FollowerHooks{
		Visit: func(l events.Logged, _ *events.Record) {
			if m, ok := l.Message.(*events.TaskAccepted); ok && keyOf(m.Task) == w.key {
				found, known = nil, true // The ID may be used again after the window.
			}
			if result, ok := resultOf(l); ok && (taskKey{result.Pool, result.ID}) == w.key {
				found = &result
			}
		},
		Began: func(b eventlog.Beginning) {
			begins = max(begins, b.At)
			if found != nil && found.Offset >= b.At {
				found = nil // It stood in what is lost.
			}
		},
	})
	defer try.End()
	if err := patiently(ctx, f, try); err != nil {
		return fmt.Errorf("look for task %q: %w", w.key.task, err)
	}
	if found != nil {
		t.mu.Lock()
		w.resolve(*found)
		t.mu.Unlock()
	}
	if !known {
		w.begins = begins
	}
	return nil
}

// overtaken bounds how often a read goes on although what it was about to read was
// deleted.
const overtaken = 3

// lookPause is how long a read of the whole log rests after an error.
const lookPause = 500 * time.Millisecond

// patiently reads everything that is in the log, over gaps and errors that pass.
func patiently(ctx context.Context, f *eventlog.Follower, try *trouble.Try) error {
	for gaps := 0; ; {
		err := f.Barrier(ctx)
		var deleted *eventlog.OvertakenError
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil && f.Health().Err != nil:
			return fmt.Errorf("%w (%w)", ctx.Err(), f.Health().Err)
		case errors.As(err, &deleted) && gaps < overtaken:
			gaps++ // It goes on behind the gap.
		case ctx.Err() != nil, eventlog.Final(err):
			return err
		default:
			try.Again(ctx, err, lookPause)
		}
	}
}

func keyOf(t *events.Task) taskKey {
	return taskKey{events.Pool(t.GetPool()), events.TaskID(t.GetId())}
}

// recordWait is how long a fetch waits for a record that is known to be there.
const recordWait = 500 * time.Millisecond

// resultAt reads the terminal event that stands at an offset.
func (c *Client) resultAt(ctx context.Context, key taskKey, offset int64) (Result, error) {
	topic, partition := c.topics.Events(), events.PoolPartition(key.pool)
	what := fmt.Sprintf("read the result of task %q at %s/%d@%d", key.task, topic, partition, offset)
	page, err := c.broker.Log(topic, partition).Fetch(ctx, offset, recordWait)
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", what, err)
	}
	i := slices.IndexFunc(page.Records, func(r events.Record) bool { return r.Offset == offset })
	if i < 0 {
		return Result{}, fmt.Errorf("%s: the log no longer holds it", what)
	}
	m, err := events.Message(&page.Records[i])
	if err != nil {
		return Result{}, fmt.Errorf("%s: %w", what, err)
	}
	result, ok := resultOf(events.Logged{Offset: offset, Message: m})
	if !ok || result.ID != key.task {
		return Result{}, fmt.Errorf("%s: a %s stands there", what, events.TypeOf(m))
	}
	return result, result.Err()
}
