package queue

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/loghost"
	"github.com/spanway/spanway/pkg/queue/order"
)

// Queue is a host of a queue. Its methods are for concurrent use. Close it when done.
type Queue struct {
	name    string
	topic   string
	options Options
	of      incarnation
	service *loghost.Service
	host    *sharedlog.Host
	reader  payloads

	// creation is that of the queue that was opened; 0 while it is not, or if it is not known.
	creation uint64

	stop  context.CancelCauseFunc
	ended chan struct{} // closed when the host has ended, err says why
	err   error

	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	dirty   bool          // something has changed since; the host's goroutine alone
	subs    map[*subscription]bool
}

// Create makes a queue: its topics, and its rules. A queue that exists with the same rules is
// no error; with others the error is ErrExists. It is ErrBadName if Kafka cannot tell the name
// from that of another queue in its metrics, where "." and "_" are the same. Under a prefix whose logs are copies that a
// link makes it is ErrReadOnly, and nothing is created. A queue that is deleted meanwhile is
// created anew, a few times; then the error is ErrDeleted.
func Create(ctx context.Context, c *cluster.Cluster, name string, rules Rules, o Options) error {
	o = o.withDefaults()
	if err := o.validate(name); err != nil {
		return fmt.Errorf("create a queue: %w", err)
	}
	if err := check(rules, name, "create"); err != nil {
		return err
	}
	if err := c.Guard(o.Prefix, o.topics().Queue(name)).Writable(ctx, -1); err != nil {
		return outcome(name, "create", err)
	}
	if err := alone(ctx, c, name, o); err != nil {
		return err
	}
	o.Brief = true
	for again := createAgain; ; again-- {
		gone, err := createOnce(ctx, c, name, rules, o)
		if err == nil || !gone || again == 0 {
			return err
		}
	}
}

// createAgain is how often Create begins anew when the topics are deleted under it.
const createAgain = 2

// createOnce creates what is missing, and tells whether it was deleted meanwhile.
func createOnce(ctx context.Context, c *cluster.Cluster, name string, rules Rules, o Options) (gone bool, err error) {
	if _, err := c.Ensure(ctx, events.Specs(o.topics().QueueLogs(name))); err != nil {
		return false, fmt.Errorf("create queue %s: %w", name, err)
	}
	q, err := start(ctx, c, name, o, false)
	if err != nil {
		return isGone(err), notThere(name, "create", err)
	}
	err = q.call(ctx, "create", &events.QueueConfigured{Settings: rules.Settings(), Create: true, AtMs: q.now()}, func(core *order.Queue, r *Refused) {
		if asked, err := order.RulesOf(rules.Settings()); err == nil && r.Code == events.CodeQueueExists {
			r.Detail = "it exists with other rules: " + core.Rules().Differ(asked)
		}
	})
	_ = q.Close() // What ended the host is the error of the call.
	return isGone(q.err), err
}

// alone refuses the name of a queue that differs from another one's by "." and "_" only.
func alone(ctx context.Context, c *cluster.Cluster, name string, o Options) error {
	topics, err := c.Kafka().Topics(ctx, o.topics().Queue(""))
	if err != nil {
		return fmt.Errorf("create queue %s: %w", name, err)
	}
	for _, t := range topics {
		if other, ok := o.topics().QueueOf(t.Name); ok && other != name && strings.ReplaceAll(other, ".", "_") == strings.ReplaceAll(name, ".", "_") {
			return &Refused{Queue: name, What: "create", Code: events.CodeBadName,
				Detail: fmt.Sprintf("there is a queue %s, and to the metrics of Kafka both have one name, as \".\" and \"_\" are the same there", other)}
		}
	}
	return nil
}

// Open makes this process a host of a queue that exists: it folds the newest snapshot and
// what follows, no longer than ctx. If there is no such queue the error is ErrUnknownQueue,
// if it was deleted ErrDeleted. c must stay open until the queue is closed. A queue is the one
// that was opened: once it is deleted all that is asked of it is ErrDeleted, and another one
// that is created under its name must be opened. If the right to read it is taken away meanwhile,
// what waits goes on waiting until it is given back, or its context ends: Trouble says why.
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
	bare, err := copiedAlone(ctx, c, o.topics().Queue(name))
	if err != nil {
		return nil, fmt.Errorf("open queue %s: %w", name, err)
	}
	q, err := start(ctx, c, name, o, bare)
	if err != nil {
		if n, look := c.Kafka().Partitions(ctx, o.topics().Queue(name)); look == nil && n == 0 { // Deleted just now.
			return nil, &Refused{Queue: name, What: "open", Code: events.CodeUnknownQueue}
		}
		return nil, notThere(name, "open", err)
	}
	refused := &Refused{Queue: name, What: "open"}
	err = q.read(ctx, true, func(core *order.Queue, _ Position) {
		switch {
		case !core.Exists():
			refused.Code = events.CodeUnknownQueue
		default:
			q.creation, refused = core.Creation(), nil
		}
	})
	if err == nil && refused != nil {
		err = refused
	}
	if err == nil {
		_, err = q.host.Watch(ctx, &sharedlog.Watcher{Decided: q.decided, Stepped: q.stepped, Began: q.began})
	}
	if err != nil {
		_ = q.Close() // What ended the host is this error.
		return nil, err
	}
	return q, nil
}

// copiedAlone tells whether a queue is a copy, of which the snapshots are not copied.
func copiedAlone(ctx context.Context, c *cluster.Cluster, topic string) (bool, error) {
	n, err := c.Kafka().Partitions(ctx, events.Snapshots(topic))
	if err != nil || n > 0 {
		return false, err
	}
	err = eventlog.Writable(ctx, mirrored.Of(c.Partition(topic, 0)))
	var readOnly *eventlog.ReadOnlyError
	if errors.As(err, &readOnly) {
		return true, nil
	}
	return false, err
}

// start runs a host. bare: there are no snapshots.
func start(ctx context.Context, c *cluster.Cluster, name string, o Options, bare bool) (*Queue, error) {
	logs := o.topics().QueueLogs(name)
	of, snapshots, err := incarnationsOf(ctx, c, logs[0].Topic, bare)
	if err != nil {
		return nil, fmt.Errorf("open queue %s: %w", name, err)
	}
	q := &Queue{
		name: name, topic: logs[0].Topic, options: o, of: of,
		ended: make(chan struct{}), changed: make(chan struct{}), subs: map[*subscription]bool{},
	}
	group := o.topics().KeeperGroup(q.topic)
	if o.Brief {
		group = ""
	}
	service, err := loghost.New(loghost.Config{
		Log: logs[0], Bare: bare, Group: group, Cluster: tiedCluster{loghost.On(c), of, snapshots}, Encoder: events.Encoder{Source: o.Source, JSON: o.JSON},
		NewCore:   func(int32) sharedlog.Core { return order.New() },
		Snapshots: o.Snapshots, Logger: o.Logger, Meter: o.Meter,
	})
	if err != nil {
		return nil, fmt.Errorf("open queue %s: %w", name, err)
	}
	q.service, q.host = service, service.Host(0)
	q.reader.log = mirrored.Of(of.log())
	ctx, stop := context.WithCancelCause(context.Background())
	q.stop = stop
	go func() {
		defer close(q.ended)
		if q.err = service.Run(ctx); q.err == nil && isGone(context.Cause(ctx)) {
			q.err = context.Cause(ctx)
		}
	}()
	return q, nil
}

// Close ends this host: what waits ends with an error, and calls that have no verdict with
// a *sharedlog.UnknownError. The error is what ended the host before, if anything did but the
// deletion of the queue.
func (q *Queue) Close() error {
	q.stop(nil)
	<-q.ended
	if q.err != nil && !isGone(q.err) {
		return fmt.Errorf("queue %s: %w", q.name, q.err)
	}
	return nil
}

// Name is that of the queue.
func (q *Queue) Name() string { return q.name }

// Creation tells the queue from others that had or will have its name; 0 if it is not known.
func (q *Queue) Creation() uint64 { return q.creation }

// Trouble is what is in the way now, for more than a second; nil if nothing is.
func (q *Queue) Trouble() error { return q.service.Trouble() }

// Configure changes the rules of the queue; what it holds stays, also if it is more than the
// new rules allow: then it takes no more. The kind of its IDs cannot change.
func (q *Queue) Configure(ctx context.Context, rules Rules) error {
	if err := check(rules, q.name, "configure"); err != nil {
		return err
	}
	return q.call(ctx, "configure", &events.QueueConfigured{Settings: rules.Settings(), Creation: q.creation, AtMs: q.now()}, nil)
}

// check refuses rules that no queue can have, and says which one.
func check(rules Rules, name, what string) error {
	_, err := order.RulesOf(rules.Settings())
	var bad *events.Malformed
	if errors.As(err, &bad) {
		return &Refused{Queue: name, What: what, Code: bad.Code, Detail: bad.Message}
	}
	return err
}

// Delete deletes the queue for all hosts, and then its topics with all that they hold. If
// it holds entries the error is ErrHeld and says what has claims (Refused.Held), unless force is set.
func (q *Queue) Delete(ctx context.Context, force bool) error {
	err := q.call(ctx, "delete", &events.QueueDeleted{Force: force, Creation: q.creation, AtMs: q.now()}, func(core *order.Queue, r *Refused) {
		if r.Code == events.CodeQueueHeld {
			r.Held = holding(core)
			r.Detail = r.Held.String()
		}
	})
	if err != nil && !errors.Is(err, ErrDeleted) {
		return err
	}
	gone, err := q.of.gone(ctx)
	if err == nil && !gone { // What has the name now is another one's.
		err = q.of.cluster.Kafka().DeleteTopics(ctx, []string{q.topic, events.Snapshots(q.topic)})
	}
	if err != nil {
		return fmt.Errorf("queue %s is deleted, but its topics may not be: %w", q.name, err)
	}
	return q.awaitGone(ctx)
}

// awaitGone waits until this process knows that the topic is gone: what it knows of topics
// is a moment old. What is there a second later is another one of the name.
func (q *Queue) awaitGone(ctx context.Context) error {
	for since := time.Now(); ; {
		n, err := q.of.cluster.Kafka().Partitions(ctx, q.topic)
		if err != nil || n == 0 {
			return err
		}
		there, err := q.of.there(ctx)
		if err == nil && !there && time.Since(since) > time.Second {
			return nil
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

// holding is what a queue holds, and some of those that have claims.
func holding(core *order.Queue) *Holding {
	n := core.Counts()
	h := &Holding{Entries: n.Entries, Claimed: n.Claimed}
	h.Holders, h.More = core.Holders(10)
	return h
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
		refused = &Refused{Queue: q.name, What: what, Code: v.Code, Creation: q.creation}
		if explain != nil {
			explain(core.(*order.Queue), refused)
		}
	})
	return q.outcome(what, err, refused)
}

// outcome is the error of a call.
func (q *Queue) outcome(what string, err error, refused *Refused) error {
	if err == nil && refused != nil {
		return refused
	}
	return outcome(q.name, what, err)
}

func outcome(name, what string, err error) error {
	var bad *events.Malformed
	var readOnly *eventlog.ReadOnlyError
	var gone *goneError
	switch {
	case errors.As(err, &gone):
		return &Refused{Queue: name, What: what, Code: events.CodeQueueDeleted, Detail: gone.detail()}
	case errors.As(err, &bad):
		return &Refused{Queue: name, What: what, Code: bad.Code, Detail: bad.Message}
	case errors.As(err, &readOnly):
		return &Refused{Queue: name, What: what, Code: events.CodeReadOnlyMirror, Of: &readOnly.Of, copied: readOnly,
			Detail: fmt.Sprintf("%s is a copy of %s of the cluster with the ID %s", readOnly.Topic, readOnly.Of.Topic, readOnly.Of.Cluster)}
	case err != nil:
		return fmt.Errorf("%s: queue %s: %w", what, name, err)
	}
	return nil
}

// notThere is an error that says what was done already, but for that of a deleted queue.
func notThere(name, what string, err error) error {
	if isGone(err) {
		return outcome(name, what, err)
	}
	return err
}

// Resolve tells what became of a call whose outcome was unknown, by the ID that its
// *sharedlog.UnknownError names: nil if it was accepted, *Refused if not. It makes the very
// same call again if that is needed.
func (q *Queue) Resolve(ctx context.Context, id sharedlog.CallID) error {
	v, err := q.host.Resolve(ctx, id)
	what := fmt.Sprintf("resolve call %s", id)
	if err == nil && !v.Accepted() {
		return &Refused{Queue: q.name, What: what, Code: v.Code, Creation: q.creation}
	}
	return q.outcome(what, err, nil)
}
