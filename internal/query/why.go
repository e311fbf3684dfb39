package query

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// decisionWait is how long Why and Task give the scheduler to read a request that is
// there already, before it says NOT_READ.
const decisionWait = 2 * time.Second

// Why explains where a task is, and if it waits, why and for what. It is the
// scheduler's own core that explains, on the log read to its end or to a moment;
// how long something has been so is counted to that moment. Without a pool it
// looks for the task in all. The error is *Refused with UNKNOWN_TASK if there is
// none, with AMBIGUOUS_TASK if several pools have it.
func (q *Querier) Why(ctx context.Context, pool events.Pool, id events.TaskID, at ...At) (placement.Explanation, error) {
	when := the(at)
	if pool == "" {
		find := when
		if when.needsPool() {
			find = At{}
		}
		var err error
		if pool, err = q.poolOfTask(ctx, id, find); err != nil {
			return placement.Explanation{}, wrap(err, "explain task %q", id)
		}
	}
	w := explaining{querier: q, pool: pool, id: id, partition: events.PoolPartition(pool)}
	explain := w.explain
	if !when.Now() {
		explain = func(ctx context.Context) (placement.Explanation, error) { return w.explainAt(ctx, when) }
	}
	x, err := explain(ctx)
	return x, wrap(err, "explain task %q", id)
}

// WhatIf explains what would become of a request that was not sent, now or at
// a moment: which engines would take it at once and why not the others. If one
// would, Reason is empty. A request of no kind asks of engines whatever they
// handle. The error is *Refused if the request itself would be.
func (q *Querier) WhatIf(ctx context.Context, r *events.TaskRequested, at ...At) (placement.Explanation, error) {
	named := proto.CloneOf(r)
	named.Kind = cmp.Or(r.Kind, "any")
	t, err := q.check(named)
	if err != nil {
		return placement.Explanation{}, err
	}
	t.Kind = r.Kind
	when, pool := the(at), orDefault(events.Pool(t.Pool))
	if _, err := q.readAt(pool, when); err != nil {
		return placement.Explanation{}, err
	}
	w := explaining{querier: q, pool: pool, partition: events.PoolPartition(pool)}
	done, err := w.fold(ctx, when)
	if err == nil {
		err = done.tooEarly()
	}
	if err != nil {
		return placement.Explanation{}, wrap(err, "explain a request to pool %q", pool)
	}
	x := w.state.ExplainRequest(t, done.nowMs)
	x.Offset = done.asOf.Offset
	return x, nil
}

// explaining is the search for one explanation.
type explaining struct {
	querier   *Querier
	pool      events.Pool
	id        events.TaskID
	partition int32
	state     *placement.State
	reader    *eventlog.Reader
}

// fold reads the log to its end, or to a moment.
func (w *explaining) fold(ctx context.Context, at At) (folded, error) {
	q := w.querier
	var done folded
	var err error
	w.state, done, err = q.foldState(ctx, placement.Config{Topics: q.topics, Partition: w.partition, KeepSucceeded: true}, at)
	w.reader = done.reader
	return done, err
}

// explainAt explains a task as it was at a moment.
func (w *explaining) explainAt(ctx context.Context, at At) (placement.Explanation, error) {
	if _, err := w.querier.readAt(w.pool, at); err != nil {
		return placement.Explanation{}, err
	}
	done, err := w.fold(ctx, at)
	if err == nil {
		err = done.tooEarly()
	}
	if err != nil {
		return placement.Explanation{}, err
	}
	x, found := w.state.Explain(w.pool, w.id, done.nowMs)
	if !found {
		return placement.Explanation{}, &client.Refused{Code: events.CodeUnknownTask, Message: fmt.Sprintf(
			"no task %q in pool %q as of %s", w.id, w.pool, done.asOf)}
	}
	x.Offset = done.asOf.Offset
	return x, nil
}

func (w *explaining) apply(l events.Logged, _ *events.Record) { w.state.Apply(l) }

func (w *explaining) explain(ctx context.Context) (placement.Explanation, error) {
	q := w.querier
	asked, err := q.asked(ctx, w.partition)
	if err != nil {
		return placement.Explanation{}, err
	}
	if _, err := w.fold(ctx, At{}); err != nil {
		return placement.Explanation{}, err
	}
	for until := time.Now().Add(decisionWait); ; {
		x, found := w.state.Explain(w.pool, w.id, time.Now().UnixMilli())
		if found {
			return x, nil
		}
		left := time.Until(until)
		if q.decided(w.reader, w.partition) >= asked || left <= 0 {
			return w.unread(ctx)
		}
		if err := w.reader.Poll(ctx, min(left, tailWait), w.apply); err != nil {
			return placement.Explanation{}, err
		}
	}
}

// poolOfTask finds the pool of a task at a moment; now, also of one that is only
// asked for yet.
func (q *Querier) poolOfTask(ctx context.Context, id events.TaskID, at At) (events.Pool, error) {
	listings, err := q.Tasks(ctx, TaskQuery{ID: id, At: at})
	if err != nil {
		return "", err
	}
	found, err := theOne(listings, id)
	if err != nil {
		return "", err
	}
	if found != nil {
		return events.Pool(found.Tasks[0].Pool), nil
	}
	for _, l := range listings {
		if !at.Now() {
			break
		}
		req, err := q.undecided(ctx, l.AsOf.Partition, l.Decided, id)
		if err != nil || req != nil {
			return req.poolOr(""), err
		}
	}
	return "", &client.Refused{Code: events.CodeUnknownTask, Message: fmt.Sprintf("no task %q in any pool", id)}
}

// asked is a request for a task, as it stands in the log.
type asked struct {
	pool events.Pool
	atMs int64
}

func (r *asked) poolOr(otherwise events.Pool) events.Pool {
	if r == nil {
		return otherwise
	}
	return r.pool
}

// undecided looks for a task among the requests from an offset on; nil if it is
// not there.
func (q *Querier) undecided(ctx context.Context, partition int32, from int64, id events.TaskID) (*asked, error) {
	topic := q.topics.Requests()
	end, err := q.asked(ctx, partition)
	if err != nil {
		return nil, err
	}
	log := q.logs.Partition(topic, partition)
	for from < end {
		page, err := log.Fetch(ctx, from, tailWait)
		if err != nil {
			return nil, fmt.Errorf("read %s/%d@%d: %w", topic, partition, from, err)
		}
		for i := range page.Records {
			if r := requestFor(&page.Records[i], id); r != nil {
				return r, nil
			}
		}
		if from = page.Next; page.End < end {
			if end, err = eventlog.Reachable(ctx, log, end); err != nil {
				return nil, fmt.Errorf("read %s/%d@%d: %w", topic, partition, from, err)
			}
		}
	}
	return nil, nil
}

// requestFor reads a record if it asks for that task.
func requestFor(r *events.Record, id events.TaskID) *asked {
	env, m, err := events.Decode(r)
	req, ok := m.(*events.TaskRequested)
	if err != nil || !ok || req.TaskId != string(id) && (req.TaskId != "" || env.ID != string(id)) {
		return nil
	}
	pool := req.Pool
	if pool == "" {
		pool = string(r.Key)
	}
	return &asked{orDefault(events.Pool(pool)), r.Timestamp}
}

// unread is the answer where the scheduler has not come to the request.
func (w *explaining) unread(ctx context.Context) (placement.Explanation, error) {
	q := w.querier
	req, err := q.undecided(ctx, w.partition, q.decided(w.reader, w.partition), w.id)
	if err != nil {
		return placement.Explanation{}, err
	}
	if req.poolOr("") != w.pool {
		return placement.Explanation{}, &client.Refused{Code: events.CodeUnknownTask, Message: fmt.Sprintf("no task %q in pool %q", w.id, w.pool)}
	}
	return placement.Explanation{
		Task: string(w.id), Pool: string(w.pool), State: string(client.Pending), Reason: placement.NotRead,
		Log: q.topics.Events(), Partition: w.partition, Offset: w.reader.Position(),
		ForMs: max(time.Now().UnixMilli()-req.atMs, 0), WakesOn: []string{placement.WakesOnSchedulerReads},
	}, nil
}

// check makes the task that a request asks for. The error is *client.Refused as
// that of every scheduler.
func (q *Querier) check(r *events.TaskRequested) (*events.Task, error) {
	t, err := q.checks.Check(r)
	var bad *events.Malformed
	if errors.As(err, &bad) {
		return nil, &client.Refused{Code: bad.Code, Message: bad.Message}
	}
	return t, err
}
