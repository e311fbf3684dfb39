package query

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// TaskQuery selects tasks; what is empty selects all.
type TaskQuery struct {
	Pool   events.Pool
	ID     events.TaskID
	Kind   string
	States []client.State
	// Filter is that of a bulk cancel, which matches what it would cancel; all if nil.
	Filter *events.TaskFilter
	// IDs restricts it to the tasks of these; all if nil. Not with a Limit.
	IDs map[events.TaskID]bool
	// Accepted, if set, is given how each task of the IDs was accepted, as far as that
	// is in the log: once more where the log was truncated while it was read, and from
	// several goroutines if no Pool is given.
	Accepted func(*events.TaskAccepted)
	// Limit leaves of each partition only the newest that match, and says how many more
	// there are; 0 for all. The memory of an answer with a limit is the core's, and
	// does not grow with what waits or ended besides. It is not for a query by ID.
	Limit int
	// At is the moment to look at; now if zero.
	At At
}

func (what TaskQuery) matches(t *Task) bool {
	return (what.Pool == "" || t.Pool == string(what.Pool)) && (what.Kind == "" || t.Kind == what.Kind) &&
		(len(what.States) == 0 || slices.Contains(what.States, client.State(t.State))) &&
		(what.Filter == nil || Matches(what.Filter, t))
}

// Listing is the answer to a query, one part for each partition that was read.
type Listing struct {
	AsOf Position
	// AtMs is the time of asking, or that of the moment asked for, in milliseconds
	// since the Unix epoch.
	AtMs  int64
	Tasks []*Task // in the order in which they were accepted
	// More is how many more match than the limit allows.
	More int
	// Decided: every request of the partition below this offset has been decided;
	// 0 if a moment was asked for.
	Decided int64
	// History holds the events of the task, if one was asked for by its ID, and
	// those of an engine that took an attempt of it away.
	History []client.Event

	core *placement.State
}

// Tasks folds the log to its end, or to the moment that what.At names, and returns
// the tasks that match, partition by partition. No service is asked: an answer that
// comes is linearizable. A moment before what the log holds is *client.Refused
// with NO_HISTORY.
func (q *Querier) Tasks(ctx context.Context, what TaskQuery) ([]Listing, error) {
	partitions, err := q.readAt(what.Pool, what.At)
	if err != nil {
		return nil, err
	}
	out, _, err := onEach(ctx, partitions, func(ctx context.Context, p int32) ([]Listing, folded, error) {
		h, done, err := q.foldTasks(ctx, p, what)
		if err != nil {
			return nil, done, err
		}
		l := Listing{AsOf: done.asOf, AtMs: done.nowMs, History: h.events}
		if l.Tasks, l.More = h.list(); what.ID != "" {
			l.core = h.core // Of a list it would keep all partitions' in memory at once.
		}
		if what.At.Now() {
			l.Decided = q.decided(done.reader, p)
		}
		return []Listing{l}, done, nil
	})
	return out, wrap(err, "read the tasks")
}

// decided is the offset of a partition's requests below which all were decided,
// by what a reader of its events has seen.
func (q *Querier) decided(r *eventlog.Reader, partition int32) int64 {
	for _, at := range r.Inputs() {
		if at.Partition == partition && at.Topic == q.topics.Requests() {
			return at.Next
		}
	}
	return 0
}

// Task returns one task and its events, now or as it was at a moment. Without a
// pool it looks in all. The error is *client.Refused with UNKNOWN_TASK if there is
// none, or none any more, and with AMBIGUOUS_TASK if several pools have it.
func (q *Querier) Task(ctx context.Context, pool events.Pool, id events.TaskID, at ...At) (*Task, Listing, error) {
	when := the(at)
	if pool == "" && when.needsPool() {
		var err error
		if pool, err = q.poolOfTask(ctx, id, At{}); err != nil {
			return nil, Listing{}, err
		}
	}
	listings, err := q.Tasks(ctx, TaskQuery{Pool: pool, ID: id, At: when})
	if err != nil {
		return nil, Listing{}, err
	}
	found, err := theOne(listings, id)
	if err != nil {
		return nil, Listing{}, err
	}
	if found != nil {
		return found.Tasks[0], *found, nil
	}
	unknown := func(format string, args ...any) (*Task, Listing, error) {
		return nil, Listing{}, &client.Refused{Code: events.CodeUnknownTask, Message: fmt.Sprintf(format, args...)}
	}
	for _, l := range listings {
		if !when.Now() {
			break
		}
		req, err := q.undecided(ctx, l.AsOf.Partition, l.Decided, id)
		switch {
		case err != nil:
			return nil, Listing{}, err
		case req != nil && (pool == "" || req.pool == pool):
			return unknown("task %q was submitted to pool %q at %s, and no scheduler has decided it yet; see: spanway task why %s",
				id, req.pool, events.Stamp(req.atMs), id)
		}
	}
	if pool == "" {
		return unknown("no task %q in any pool", id)
	}
	if v, ok := listings[0].core.Task(pool, id); ok {
		return unknown("task %q in pool %q ended at offset %d, which is no longer in the log; how is not known any more", id, pool, v.EndedAt)
	}
	return unknown("no task %q in pool %q", id, pool)
}

// theOne is the listing that has the task, nil if none has. The error is
// *client.Refused with AMBIGUOUS_TASK if several pools have one of that ID.
func theOne(listings []Listing, id events.TaskID) (*Listing, error) {
	var found *Listing
	var pools []string
	for i := range listings {
		for _, t := range listings[i].Tasks {
			found, pools = &listings[i], append(pools, t.Pool)
		}
	}
	if len(pools) > 1 {
		slices.Sort(pools)
		return nil, &client.Refused{Code: events.CodeAmbiguousTask, Message: fmt.Sprintf(
			"task %q is in the pools %s; say which with --pool", id, strings.Join(pools, ", "))}
	}
	return found, nil
}

// Matches tells whether a filter of a bulk cancel matches a task now.
func Matches(f *events.TaskFilter, t *Task) bool {
	return !t.Ended() && (f.GetKind() == "" || t.Kind == f.Kind) && (f.GetTenant() == "" || t.Tenant == f.Tenant) &&
		strings.HasPrefix(t.ID, f.GetIdPrefix()) && (!f.GetPendingOnly() || t.State == string(client.Pending))
}
