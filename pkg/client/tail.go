package client

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

const (
	// tailWait is how long one fetch waits for something to come.
	tailWait = 500 * time.Millisecond
	// tailPause is how long a tail rests after an error.
	tailPause = 200 * time.Millisecond
	// remembered bounds the tasks that a tail knows of without anyone waiting,
	// and the refusals whose command may not have been acknowledged yet.
	remembered = 100_000
)

type taskKey struct {
	pool events.Pool
	task events.TaskID
}

// tail reads one partition of tasks.events for all who wait on it. It stands
// where the log ended when it was first needed, and runs from the first waiter
// on until the client is closed.
type tail struct {
	client    *Client
	partition int32

	starting sync.Mutex
	placed   bool
	running  bool
	reader   *eventlog.Reader // of the goroutine once running

	mu       sync.Mutex
	waiters  map[taskKey][]*waiter
	tracked  recent[taskKey, tracked]
	refused  recent[int64, *events.TaskRejected]
	commands map[*command]struct{}
	// decided: every request below this offset has been decided.
	decided int64
	failed  error // of the last poll
}

// tracked is a task that this client submitted.
type tracked struct {
	request int64 // its offset; -1 while not acknowledged
	ended   int64 // the offset of its terminal event; -1 before
}

// tailOf returns the tail of a pool's partition; it need not be running.
func (c *Client) tailOf(ctx context.Context, pool events.Pool) (*tail, error) {
	p := events.PoolPartition(pool)
	c.mu.Lock()
	t := c.tails[p]
	if t == nil {
		t = &tail{
			client: c, partition: p,
			waiters: map[taskKey][]*waiter{}, commands: map[*command]struct{}{},
			tracked: newRecent[taskKey, tracked](remembered),
			refused: newRecent[int64, *events.TaskRejected](remembered),
		}
		c.tails[p] = t
	}
	c.mu.Unlock()

	t.starting.Lock()
	defer t.starting.Unlock()
	if t.placed {
		return t, nil
	}
	_, end, err := c.Offsets(ctx, c.topics.Events(), p)
	if err != nil {
		return nil, err
	}
	t.reader = eventlog.NewReaderAt(c.broker.Log(c.topics.Events(), p), c.topics.Events(), p, end)
	t.placed = true
	return t, nil
}

// run starts the tail's goroutine unless it runs.
func (t *tail) run() error {
	t.starting.Lock()
	defer t.starting.Unlock()
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
	c.work.Go(func() { t.loop(c.ctx) })
	return nil
}

func (t *tail) loop(ctx context.Context) {
	for ctx.Err() == nil {
		err := t.reader.Poll(ctx, tailWait, t.see)
		t.settle(err)
		if err != nil {
			select {
			case <-ctx.Done():
			case <-time.After(tailPause):
			}
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
	case *events.TaskRejected:
		t.seeRejected(m)
	case *events.TaskRepeated:
		t.seeRepeated(m)
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
func (t *tail) seeRepeated(m *events.TaskRepeated) {
	if m.EndedAtOffset < 0 {
		return
	}
	key := taskKey{events.Pool(m.Pool), events.TaskID(m.TaskId)}
	if known, ok := t.tracked.get(key); ok {
		known.ended = m.EndedAtOffset
		t.tracked.put(key, known)
	}
	for _, w := range t.waiters[key] {
		w.settle(Result{}, m.EndedAtOffset)
	}
}

func (t *tail) seeRejected(m *events.TaskRejected) {
	if m.Source.GetTopic() != t.client.topics.Requests() || m.Source.GetPartition() != t.partition {
		return
	}
	t.refused.put(m.Source.Offset, m)
	key := taskKey{events.Pool(m.Pool), events.TaskID(m.TaskId)}
	for _, w := range t.waiters[key] {
		if w.request == m.Source.Offset {
			w.resolve(resultOfRejected(m))
		}
	}
}

// settle ends the commands that were decided by what was read so far; batches
// are seen whole, so their effects are known by now.
func (t *tail) settle(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.failed = err; err != nil {
		return
	}
	requests := t.client.topics.Requests()
	for _, at := range t.reader.Inputs() {
		if at.Partition == t.partition && at.Topic == requests {
			t.decided = max(t.decided, at.Next)
		}
	}
	for c := range t.commands {
		t.finish(c)
	}
}

// lastError explains why an answer may not have come.
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
