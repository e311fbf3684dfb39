package queue

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/queue/order"
)

// Queue is a host of a queue. Its methods are for concurrent use. Close it when done.
type Queue struct {
	name    string
	topic   string
	options Options
	cluster *cluster.Cluster
	host    *sharedlog.Host
	board   *trouble.Board
	reader  payloads

	stop  context.CancelFunc
	ended chan struct{} // closed when the host has ended, err says why
	err   error

	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	dirty   bool          // something has changed since; the host's goroutine alone
	subs    map[*subscription]bool
}

// Create makes a queue: its topics, and its rules. A queue that exists with the same rules is
// no error; with others the error is ErrExists.
func Create(ctx context.Context, c *cluster.Cluster, name string, rules Rules, o Options) error {
	o = o.withDefaults()
	if err := o.validate(name); err != nil {
		return fmt.Errorf("create a queue: %w", err)
	}
	if _, err := order.RulesOf(rules.Settings()); err != nil {
		return fmt.Errorf("create queue %s: %w", name, err)
	}
	if _, err := c.Ensure(ctx, events.Specs(o.topics().QueueLogs(name))); err != nil {
		return fmt.Errorf("create queue %s: %w", name, err)
	}
	q := start(c, name, o)
	defer q.Close()
	return q.call(ctx, "create", &events.QueueConfigured{Settings: rules.Settings(), Create: true, AtMs: q.now()}, nil)
}

// Open makes this process a host of a queue that exists: it folds the newest snapshot and
// what follows, no longer than ctx. If there is no such queue the error is ErrUnknownQueue,
// if it was deleted ErrDeleted. c must stay open until the queue is closed.
func Open(ctx context.Context, c *cluster.Cluster, name string, o Options) (*Queue, error) {
	o = o.withDefaults()
	if err := o.validate(name); err != nil {
		return nil, fmt.Errorf("open a queue: %w", err)
	}
	switch n, err := c.Kafka().Partitions(ctx, o.topics().Queue(name)); {
	case err != nil:
		return nil, fmt.Errorf("open queue %s: %w", name, err)
	case n == 0:
		return nil, &Refused{Queue: name, What: "open", Code: events.CodeUnknownQueue}
	}
	q := start(c, name, o)
	refused := &Refused{Queue: name, What: "open"}
	err := q.read(ctx, true, func(core *order.Queue, _ Position) {
		switch {
		case core.Deleted():
			refused.Code = events.CodeQueueDeleted
		case !core.Exists():
			refused.Code = events.CodeUnknownQueue
		default:
			refused = nil
		}
	})
	if err == nil && refused != nil {
		err = refused
	}
	if err == nil {
		_, err = q.host.Watch(ctx, &sharedlog.Watcher{Decided: q.decided, Stepped: q.stepped, Began: q.began})
	}
	if err != nil {
		q.Close()
		return nil, err
	}
	return q, nil
}

// start runs a host.
func start(c *cluster.Cluster, name string, o Options) *Queue {
	ctx, stop := context.WithCancel(context.Background())
	q := &Queue{
		name: name, topic: o.topics().Queue(name), options: o, cluster: c, board: trouble.NewBoard(o.Logger),
		stop: stop, ended: make(chan struct{}), changed: make(chan struct{}), subs: map[*subscription]bool{},
	}
	q.reader.log = c.Partition(q.topic, 0)
	encoder := events.Encoder{Source: o.Source, JSON: o.JSON}
	q.host = sharedlog.NewHost(sharedlog.Config{
		Log: c.Partition(q.topic, 0), Reads: c.Partition(q.topic, 0), Topic: q.topic,
		NewCore: func() sharedlog.Core { return order.New() },
		Snapshots: &eventlog.Snapshots{
			Log: c.Partition(events.Snapshots(q.topic), 0), Topic: q.topic, Encoder: encoder,
		},
		Encoder: encoder, Board: q.board, Meter: o.Meter,
	})
	go func() {
		defer close(q.ended)
		q.err = q.host.Run(ctx)
	}()
	return q
}

// Close ends this host: what waits ends with an error, and calls that have no verdict with
// a *sharedlog.UnknownError. The error is what ended the host before, if anything did.
func (q *Queue) Close() error {
	q.stop()
	<-q.ended
	if q.err != nil {
		return fmt.Errorf("queue %s: %w", q.name, q.err)
	}
	return nil
}

// Name is that of the queue.
func (q *Queue) Name() string { return q.name }

// Trouble is what is in the way now, for more than a second; nil if nothing is.
func (q *Queue) Trouble() error { return q.host.Trouble() }

// Configure changes the rules of the queue; what it holds stays. The kind of its IDs cannot
// change.
func (q *Queue) Configure(ctx context.Context, rules Rules) error {
	if _, err := order.RulesOf(rules.Settings()); err != nil {
		return fmt.Errorf("configure queue %s: %w", q.name, err)
	}
	return q.call(ctx, "configure", &events.QueueConfigured{Settings: rules.Settings(), AtMs: q.now()}, nil)
}

// Delete deletes the queue for all hosts, and then its topics with all that they hold. If
// it holds entries the error is ErrHeld and says which claims there are, unless force is set.
func (q *Queue) Delete(ctx context.Context, force bool) error {
	err := q.call(ctx, "delete", &events.QueueDeleted{Force: force, AtMs: q.now()}, func(core *order.Queue, r *Refused) {
		if r.Code == events.CodeQueueHeld {
			r.Detail = held(core)
		}
	})
	if err != nil && !errors.Is(err, ErrDeleted) {
		return err
	}
	if err := q.cluster.Kafka().DeleteTopics(ctx, []string{q.topic, events.Snapshots(q.topic)}); err != nil {
		return fmt.Errorf("queue %s is deleted, but its topics are not: %w", q.name, err)
	}
	return q.awaitGone(ctx)
}

// awaitGone waits until this process knows that the topic is gone: what it knows of topics
// is as old as half a second.
func (q *Queue) awaitGone(ctx context.Context) error {
	for {
		n, err := q.cluster.Kafka().Partitions(ctx, q.topic)
		if err != nil || n == 0 {
			return err
		}
		again := time.NewTimer(50 * time.Millisecond)
		select {
		case <-again.C:
		case <-ctx.Done():
			again.Stop()
			return fmt.Errorf("queue %s is deleted, but its topic is still there: %w", q.name, ctx.Err())
		}
	}
}

// held says what a queue holds, and which processes hold claims.
func held(core *order.Queue) string {
	n := core.Counts()
	text := fmt.Sprintf("it holds %d entries, of which %d are claimed", n.Entries, n.Claimed)
	if holders := core.Holders(10); len(holders) > 0 {
		text += fmt.Sprintf(" by %q", holders)
	}
	return text
}

// call makes a call. explain may add to its refusal, in the host's goroutine.
func (q *Queue) call(ctx context.Context, what string, m proto.Message, explain func(core *order.Queue, r *Refused)) error {
	return q.callAndLook(ctx, what, m, nil, explain)
}

// callAndLook lets accepted see the core when the call is accepted, at that very moment.
func (q *Queue) callAndLook(ctx context.Context, what string, m proto.Message, accepted func(core *order.Queue, offset int64), explain func(core *order.Queue, r *Refused)) error {
	var refused *Refused
	_, err := q.host.Call(ctx, m, func(core sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict) {
		if v.Accepted() {
			if accepted != nil {
				accepted(core.(*order.Queue), v.Offset)
			}
			return
		}
		refused = &Refused{Queue: q.name, What: what, Code: v.Code}
		if explain != nil {
			explain(core.(*order.Queue), refused)
		}
	})
	return q.outcome(what, err, refused)
}

// outcome is the error of a call.
func (q *Queue) outcome(what string, err error, refused *Refused) error {
	var bad *events.Malformed
	switch {
	case errors.As(err, &bad):
		return &Refused{Queue: q.name, What: what, Code: bad.Code, Detail: bad.Message}
	case err != nil:
		return fmt.Errorf("%s: queue %s: %w", what, q.name, err)
	case refused != nil:
		return refused
	}
	return nil
}

// Resolve tells what became of a call whose outcome was unknown, by the ID that its
// *sharedlog.UnknownError names: nil if it was accepted, *Refused if not. It makes the very
// same call again if that is needed.
func (q *Queue) Resolve(ctx context.Context, id sharedlog.CallID) error {
	v, err := q.host.Resolve(ctx, id)
	what := fmt.Sprintf("resolve call %s", id)
	if err == nil && !v.Accepted() {
		return &Refused{Queue: q.name, What: what, Code: v.Code}
	}
	return q.outcome(what, err, nil)
}
