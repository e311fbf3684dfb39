package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/spanway/spanway/internal/telemetry/following"
	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// remembered bounds the tasks that a tail knows of without anyone waiting, and the
// refusals whose command may not have been acknowledged yet.
const remembered = 100_000

type taskKey struct {
	pool events.Pool
	task events.TaskID
}

// tail follows one partition of tasks.events for all that wait on it. It stands
// where the log ended when it was first needed, and runs from the first waiter
// on until the client is closed, or until an error that trying again does not
// mend; then all that wait get that error, and the next waiter runs it again.
type tail struct {
	client    *Client
	partition int32

	starting gate
	running  bool
	follower *eventlog.Follower // of the goroutine while running
	try      *trouble.Try       // its

	mu      sync.Mutex
	waiters map[taskKey][]*waiter
	tracked recent[taskKey, tracked]
	refused recent[int64, refusedAt]
	// repeats are the requests whose ID was known, by their offsets: where that was
	// said; -1 if that is lost.
	repeats  recent[int64, int64]
	commands map[*command]struct{}
	// told are what waits for the decision of a request, by its offset.
	told map[int64]func(error)
	// decided: every request below this offset has been decided.
	decided int64
	failed  error // what is in the way now
}

// tracked is a task that this client submitted.
type tracked struct {
	request int64 // its offset; -1 while not acknowledged
	ended   int64 // the offset of its terminal event; -1 before
	// made and again: what the first decision was that was seen of its ID since it was
	// submitted: that the task was made, or that it had been before. again is of a
	// scheduler that does not say which request came again.
	made, again bool
}

// repeated tells whether the task was there before it was submitted. That its end comes
// first, before any decision, says so, too.
func (k tracked) repeated() bool { return !k.made && (k.again || k.ended >= 0) }

// refusedAt is a refusal, and the offset of its event; nil if that is lost.
type refusedAt struct {
	*events.TaskRejected
	offset int64
}

// tailOf returns the tail of a pool's partition; it need not be running.
func (c *Client) tailOf(ctx context.Context, pool events.Pool) (*tail, error) {
	p := events.PoolPartition(pool)
	c.mu.Lock()
	t := c.tails[p]
	if t == nil {
		t = &tail{
			client: c, partition: p, starting: make(gate, 1),
			waiters: map[taskKey][]*waiter{}, commands: map[*command]struct{}{},
			tracked: newRecent[taskKey, tracked](remembered),
			refused: newRecent[int64, refusedAt](remembered),
			repeats: newRecent[int64, int64](remembered),
			told:    map[int64]func(error){},
		}
		t.follower, t.try = c.follower(p, eventlog.AtEnd, eventlog.FollowerHooks{
			Visit: t.see, Began: t.began, Stepped: t.settle, Trouble: t.trouble,
		})
		c.tails[p] = t
	}
	c.mu.Unlock()

	if err := t.starting.enter(ctx); err != nil {
		return nil, fmt.Errorf("begin to read %s/%d: %w", c.topics.Events(), t.partition, err)
	}
	defer t.starting.leave()
	if t.running {
		return t, nil
	}
	if err := t.follower.Begin(ctx); err != nil {
		t.try.End() // The caller is told.
		return nil, err
	}
	return t, nil
}

// gate is a mutex that is waited for no longer than a context.
type gate chan struct{}

func (g gate) enter(ctx context.Context) error {
	select {
	case g <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (g gate) leave() { <-g }

// run starts the tail's goroutine unless it runs.
func (t *tail) run(ctx context.Context) error {
	if err := t.starting.enter(ctx); err != nil {
		return err
	}
	defer t.starting.leave()
	if t.running {
		return nil
	}
	c := t.client
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.ctx.Err() != nil {
		return fmt.Errorf("read %s/%d: the client is closed", c.topics.Events(), t.partition)
	}
	t.running = true
	c.work.Go(func() {
		defer t.try.End()
		if err := t.follower.Run(c.ctx); c.ctx.Err() == nil {
			t.stopped(err)
		}
	})
	return nil
}

// stopped ends all that wait: the tail has met an error that does not pass.
func (t *tail) stopped(err error) {
	_ = t.starting.enter(context.Background())
	defer t.starting.leave()
	t.running = false
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, waiters := range t.waiters {
		for _, w := range waiters {
			w.fail(err)
		}
	}
	clear(t.waiters)
	for c := range t.commands {
		c.err = err
		t.end(c)
	}
	for _, told := range t.told {
		told(err)
	}
	clear(t.told)
}

// began: at first nothing is to be done. Later, what stood from b.At on is gone, and
// what was learnt from it holds no more: it will be decided anew.
func (t *tail) began(b eventlog.Beginning) {
	if b.Before < 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.decided = t.decidedNow()
	t.tracked.each(func(k tracked) tracked {
		if k.ended >= b.At {
			k.ended = -1
		}
		k.made, k.again = false, false
		return k
	})
	t.refused.each(func(r refusedAt) refusedAt {
		if r.offset >= b.At {
			r.TaskRejected = nil
		}
		return r
	})
	t.repeats.each(func(said int64) int64 {
		if said >= b.At {
			return -1
		}
		return said
	})
	for c := range t.commands {
		if c.effect.Offset >= b.At {
			c.effect = events.Logged{}
		}
	}
}

// see takes one event that counts.
func (t *tail) see(l events.Logged, _ *events.Record) {
	if l.Message == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for c := range t.commands {
		if c.match(l) {
			c.effect = l
		}
	}
	switch m := l.Message.(type) {
	case *events.TaskAccepted:
		if known, ok := t.tracked.get(keyOf(m.Task)); ok && !known.again {
			known.made = true
			t.tracked.put(keyOf(m.Task), known)
		}
	case *events.TaskRejected:
		t.seeRejected(refusedAt{m, l.Offset})
	case *events.TaskRepeated:
		t.seeRepeated(m, l.Offset)
	default:
		t.seeEnd(l)
	}
}

func (t *tail) seeEnd(l events.Logged) {
	result, ok := resultOf(l)
	if !ok {
		return
	}
	key := taskKey{result.Pool, result.ID}
	if known, ok := t.tracked.get(key); ok {
		known.ended = result.Offset
		t.tracked.put(key, known)
	}
	for _, w := range t.waiters[key] {
		w.resolve(result)
	}
	delete(t.waiters, key)
}

// seeRepeated: the task that was submitted again may have ended long ago.
func (t *tail) seeRepeated(m *events.TaskRepeated, at int64) {
	key := taskKey{events.Pool(m.Pool), events.TaskID(m.TaskId)}
	if m.Source.GetTopic() == t.client.topics.Requests() && m.Source.GetPartition() == t.partition {
		t.repeats.put(m.Source.Offset, at)
	}
	if known, ok := t.tracked.get(key); ok {
		known.again = known.again || !known.made && m.Source == nil
		known.ended = max(known.ended, m.EndedAtOffset)
		t.tracked.put(key, known)
	}
	if m.EndedAtOffset < 0 {
		return
	}
	for _, w := range t.waiters[key] {
		w.settle(Result{}, m.EndedAtOffset)
	}
}

func (t *tail) seeRejected(m refusedAt) {
	if m.Source.GetTopic() != t.client.topics.Requests() || m.Source.GetPartition() != t.partition {
		return
	}
	t.refused.put(m.Source.Offset, m)
	key := taskKey{events.Pool(m.Pool), events.TaskID(m.TaskId)}
	for _, w := range t.waiters[key] {
		if w.request == m.Source.Offset {
			w.resolve(resultOfRejected(m.TaskRejected))
		}
	}
}

// settle ends the commands that were decided by what was read so far; batches
// are seen whole, so their effects are known by now.
func (t *tail) settle() {
	t.mu.Lock()
	defer t.mu.Unlock()
	before := t.decided
	t.decided = max(t.decided, t.decidedNow())
	for c := range t.commands {
		t.finish(c)
	}
	t.tell(before)
}

// decidedNow is what the newest batch that counts says of t.decided.
func (t *tail) decidedNow() int64 {
	for _, at := range t.follower.Inputs() {
		if at.Partition == t.partition && at.Topic == t.client.topics.Requests() {
			return at.Next
		}
	}
	return 0
}

// trouble notes what is in the way, which explains why an answer may not have come.
func (t *tail) trouble(h eventlog.Health) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.failed = h.Err
}

func (t *tail) lastError() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.failed
}

func (t *tail) track(key taskKey) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.tracked.put(key, tracked{request: -1, ended: -1})
}

func (t *tail) requested(key taskKey, offset int64) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if known, ok := t.tracked.get(key); ok {
		known.request = offset
		t.tracked.put(key, known)
	}
}

// follower follows a partition of tasks.events without a fold. What it tries again is
// told of by the Try, which ends with it.
func (c *Client) follower(partition int32, from int64, hooks eventlog.FollowerHooks) (*eventlog.Follower, *trouble.Try) {
	topic := c.topics.Events()
	try := following.Try(c.board, topic, partition)
	note, tell := hooks.Trouble, following.Trouble(try)
	hooks.Trouble = func(h eventlog.Health) {
		tell(h)
		if note != nil {
			note(h)
		}
	}
	return eventlog.NewFollower(eventlog.FollowerConfig{
		Log: c.broker.Log(topic, partition), Topic: topic, Partition: partition, From: from,
		Now: time.Now, Pause: following.Pause, Hooks: hooks,
	}), try
}
