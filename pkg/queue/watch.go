package queue

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// buffered is how many changes may wait for what watches.
const buffered = 200_000

// subscription is one Watch. Its fields are guarded by the queue's mu.
type subscription struct {
	told   []told
	over   bool // too many waited
	signal chan struct{}
}

// told is a change; or that the state begins at a position.
type told struct {
	change Change
	began  *Position
}

// Watch calls see with each entry behind a sequence number, in the order, as a change of kind
// order.Enqueued; and then with each change as it is folded, until see or ctx ends it. What
// changes while the entries are listed is told after them, so an entry that is taken out
// meanwhile may be told as removed only. If see does not keep up the error is a *Behind.
// Once the queue is deleted the error is ErrDeleted, behind a change of kind WasDeleted, which
// is the last: what is created under the name later is another queue.
func (q *Queue) Watch(ctx context.Context, after int64, see func(Change) error) error {
	s := &subscription{signal: make(chan struct{}, 1)}
	q.mu.Lock()
	q.subs[s] = true
	q.mu.Unlock()
	defer func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		delete(q.subs, s)
	}()
	stop, err := q.host.Watch(ctx, &sharedlog.Watcher{Began: func(core sharedlog.Core, at Position) {
		core.(*order.Queue).Observe = q.observe
		q.tell(s, told{began: &at})
	}})
	if err != nil {
		return fmt.Errorf("queue %s: %w", q.name, err)
	}
	defer stop()
	deleted := &Refused{Queue: q.name, What: "watch", Code: events.CodeQueueDeleted}
	for begun, last := false, after; ; {
		batch, err := q.take(ctx, s)
		told := false
		for _, t := range batch {
			if t.began == nil {
				last, err = t.change.Offset, see(t.change)
			} else {
				last, err = max(last, t.began.Offset-1), q.begin(ctx, begun, after, *t.began, see)
				begun = true
			}
			if told = t.change.Kind == WasDeleted; err != nil || told {
				err = cmp.Or(err, error(deleted))
				break
			}
		}
		if errors.Is(err, ErrDeleted) && !told { // The change itself was not read.
			err = cmp.Or(see(Change{Kind: WasDeleted, Offset: last + 1}), error(deleted))
		}
		if err != nil {
			return err
		}
	}
}

// begin tells of all entries as of a position; again, if the state was made anew.
func (q *Queue) begin(ctx context.Context, again bool, after int64, at Position, see func(Change) error) error {
	if again {
		if err := see(Change{Kind: order.Restarted, Offset: at.Offset}); err != nil {
			return err
		}
	}
	for {
		page, err := q.Entries(ctx, after, MaxPage/10, false)
		if err != nil {
			return err
		}
		for _, e := range page.Entries {
			if e.Seq >= at.Offset { // It came since, so its change follows.
				return nil
			}
			if err := see(Change{Kind: order.Enqueued, Offset: e.Seq, Entry: e}); err != nil {
				return err
			}
			after = e.Seq
		}
		if len(page.Entries) == 0 {
			return nil
		}
	}
}

// take waits for changes.
func (q *Queue) take(ctx context.Context, s *subscription) ([]told, error) {
	for {
		q.mu.Lock()
		batch, over := s.told, s.over
		s.told = nil
		q.mu.Unlock()
		switch {
		case over:
			return nil, &Behind{Queue: q.name, Changes: buffered}
		case len(batch) > 0:
			return batch, nil
		}
		select {
		case <-s.signal:
		case <-q.ended:
			return nil, q.hostEnded("watch")
		case <-ctx.Done():
			return nil, fmt.Errorf("watch queue %s: %w", q.name, ctx.Err())
		}
	}
}

// observe tells all that watch of a change; it is called in the host's goroutine.
func (q *Queue) observe(c Change) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for s := range q.subs {
		s.tell(told{change: c})
	}
}

func (q *Queue) tell(s *subscription, t told) {
	q.mu.Lock()
	defer q.mu.Unlock()
	s.tell(t)
}

func (s *subscription) tell(t told) {
	if len(s.told) >= buffered {
		s.over = true
		return
	}
	s.told = append(s.told, t)
	select {
	case s.signal <- struct{}{}:
	default: // It is to wake up already.
	}
}

// decided, stepped and began note that the queue may have changed, for what waits.
func (q *Queue) decided(_ sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict) {
	q.dirty = q.dirty || v.Accepted()
}

func (q *Queue) stepped(core sharedlog.Core, _ Position) {
	if other := core.(*order.Queue).Creation(); q.creation != 0 && other != 0 && other != q.creation {
		q.stop(&goneError{q.topic}) // Where brokers tell no IDs of topics it shows here.
	}
	if q.dirty {
		q.wake()
	}
}

func (q *Queue) began(sharedlog.Core, Position) { q.wake() }

func (q *Queue) wake() {
	q.dirty = false
	q.mu.Lock()
	defer q.mu.Unlock()
	close(q.changed)
	q.changed = make(chan struct{})
}

// moved is closed when the queue changes next.
func (q *Queue) moved() <-chan struct{} {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.changed
}

// hostEnded is the error of what waited when the host has ended.
func (q *Queue) hostEnded(what string) error { return q.outcome(what, cmp.Or(q.err, errClosed), nil) }

var errClosed = errors.New("the queue is closed")
