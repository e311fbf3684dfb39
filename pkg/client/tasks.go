package client

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/pkg/events"
)

// TaskStatus is what the log says of one task.
type TaskStatus struct {
	Task  *events.Task // nil for a rejected one
	ID    events.TaskID
	Pool  events.Pool
	State State
	// Engine, Attempt and Token are of the newest attempt.
	Engine  events.EngineID
	Attempt int32
	Token   events.Token
	// Result is set once it has ended; of a retried error before that.
	Result Result
	// In milliseconds since the Unix epoch; 0 if not yet.
	AcceptedMs, AssignedMs, StartedMs, EndedMs int64
	// Progress is what the handler said last, other than output.
	Progress []byte

	incarnation string
}

// TaskQuery selects tasks; what is empty selects all.
type TaskQuery struct {
	Pool   events.Pool
	ID     events.TaskID
	Kind   string
	States []State
	// At is the moment to look at; now if zero.
	At At
}

func (q TaskQuery) matches(s *TaskStatus) bool {
	return (q.Pool == "" || s.Pool == q.Pool) && (q.Kind == "" || s.Task.GetKind() == q.Kind) &&
		(len(q.States) == 0 || slices.Contains(q.States, s.State))
}

// Position is how far a partition was read to give an answer.
type Position struct {
	Topic     string
	Partition int32
	// Offset is the first that was not read.
	Offset int64
}

// String writes it as TOPIC/PARTITION@OFFSET.
func (p Position) String() string { return fmt.Sprintf("%s/%d@%d", p.Topic, p.Partition, p.Offset) }

// MarshalText writes it as String does.
func (p Position) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// Listing is the answer to a query, one part for each partition that was read.
type Listing struct {
	AsOf Position
	// AtMs is the time of asking, or that of the moment asked for, in milliseconds
	// since the Unix epoch.
	AtMs  int64
	Tasks []*TaskStatus // in the order in which they were accepted
	// Decided: every request of the partition below this offset has been decided;
	// 0 if a moment was asked for.
	Decided int64
	// History holds the events of the task, if one was asked for by its ID, and
	// those of an engine that took an attempt of it away.
	History []Event
}

// Tasks folds the log to its end, or to the moment that q.At names, and returns
// the tasks that match, partition by partition. It asks nobody: an answer that
// comes is linearizable. A moment before what the log holds is *Refused with
// NO_HISTORY.
func (c *Client) Tasks(ctx context.Context, q TaskQuery) ([]Listing, error) {
	partitions, err := c.readAt(q.Pool, q.At)
	if err != nil {
		return nil, err
	}
	out := make([]Listing, len(partitions))
	read := make([]folded, len(partitions))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(4)
	for i, p := range partitions {
		group.Go(func() (err error) {
			out[i], read[i], err = c.listing(ctx, p, q)
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return nil, fmt.Errorf("read the tasks: %w", err)
	}
	return out, allTooEarly(read)
}

func (c *Client) listing(ctx context.Context, partition int32, q TaskQuery) (Listing, folded, error) {
	topic := c.topics.Events()
	f, done, err := c.foldTasks(ctx, partition, q, func(f *taskFold, l events.Logged, rec *events.Record) {
		if q.ID != "" && l.Message != nil && (q.Pool == "" || poolOf(l.Message) == q.Pool) && f.concerns(l) {
			kept := *rec // The reader uses its own again.
			f.history = append(f.history, Event{Topic: topic, Partition: partition, Logged: l, AtMs: atMs(l.Message, rec), Record: &kept})
		}
	})
	if err != nil {
		return Listing{}, done, err
	}
	listing := Listing{AsOf: done.asOf, AtMs: done.nowMs, Tasks: f.list(), History: f.history}
	if q.At.Now() {
		listing.Decided = c.decided(done.reader, partition)
	}
	return listing, done, nil
}

func newTaskFold(q TaskQuery) *taskFold {
	return &taskFold{query: q, tasks: map[taskKey]*TaskStatus{}, gone: map[string]bool{}, engines: map[engineKey]*EngineStatus{}}
}

// taskFold is the state of tasks alone: unlike the scheduler's own fold it keeps
// those that ended, and knows nothing of capacity.
type taskFold struct {
	query TaskQuery
	tasks map[taskKey]*TaskStatus
	order []taskKey
	// gone are incarnations of engines whose attempts are over.
	gone    map[string]bool
	engines map[engineKey]*EngineStatus
	history []Event
}

// concerns tells whether an event is about the task that was asked for.
func (f *taskFold) concerns(l events.Logged) bool {
	if TaskOf(l.Message) == f.query.ID {
		return true
	}
	for _, s := range f.tasks {
		if s.State != Assigned && s.State != Running || f.gone[s.incarnation] {
			continue
		}
		switch m := l.Message.(type) {
		case *events.EngineLost:
			return m.Incarnation == s.incarnation
		case *events.EngineDeparted:
			return m.Incarnation == s.incarnation
		case *events.EngineRegistered:
			return m.Engine.GetPool() == string(s.Pool) && m.Engine.GetId() == string(s.Engine)
		}
	}
	return false
}

func (f *taskFold) list() []*TaskStatus {
	var out []*TaskStatus
	for _, key := range f.order {
		s := f.tasks[key]
		if !s.State.Ended() && f.gone[s.incarnation] {
			s.State = Pending
		}
		if f.query.matches(s) {
			out = append(out, s)
		}
	}
	return out
}

// of returns the task that an event is about, if it is of interest.
func (f *taskFold) of(m interface {
	GetTaskId() string
	GetPool() string
}) *TaskStatus {
	return f.tasks[taskKey{events.Pool(m.GetPool()), events.TaskID(m.GetTaskId())}]
}

func (f *taskFold) add(s *TaskStatus) {
	if f.query.ID != "" && s.ID != f.query.ID {
		return
	}
	key := taskKey{s.Pool, s.ID}
	if f.tasks[key] == nil {
		f.order = append(f.order, key)
	}
	f.tasks[key] = s
}

func (f *taskFold) apply(l events.Logged) {
	switch m := l.Message.(type) {
	case *events.TaskAccepted:
		f.add(&TaskStatus{
			Task: m.Task, ID: events.TaskID(m.Task.GetId()), Pool: events.Pool(m.Task.GetPool()),
			State: Pending, AcceptedMs: m.AtMs,
		})
	case *events.TaskRejected:
		f.rejected(l, m)
	case *events.TaskAssigned:
		if s := f.of(m); s != nil {
			s.State, s.AssignedMs, s.StartedMs, s.incarnation = Assigned, m.AtMs, 0, m.Incarnation
			s.Engine, s.Attempt, s.Token = events.EngineID(m.EngineId), m.Attempt, events.Token(m.Token)
		}
	case *events.TaskStarted:
		if s := f.of(m); s != nil {
			s.State, s.StartedMs = Running, m.AtMs
		}
	case *events.TaskProgressed:
		if s := f.of(m); s != nil && m.DataType != events.ContentStdout && m.DataType != events.ContentStderr {
			s.Progress = m.Data
		}
	case *events.TaskAttemptFailed:
		if s := f.of(m); s != nil {
			s.State, s.Result.Error = Pending, m.Error
		}
	case *events.LogLossAccepted:
		f.forget()
	case *events.TaskAssignmentRefused:
		f.back(m)
	case *events.TaskAttemptReturned:
		f.back(m)
	default:
		if !f.applyEngine(l) {
			f.end(l)
		}
	}
}

func (f *taskFold) back(m interface {
	GetTaskId() string
	GetPool() string
}) {
	if s := f.of(m); s != nil {
		s.State = Pending
	}
}

func (f *taskFold) end(l events.Logged) {
	result, ok := resultOf(l)
	if !ok {
		return
	}
	if s := f.tasks[taskKey{result.Pool, result.ID}]; s != nil {
		s.State, s.Result, s.EndedMs = result.State, result, result.AtMs
	}
}

// ofRequest tells the refusal of a task from that of a command about one.
func ofRequest(m *events.TaskRejected) bool {
	return m.RequestType == "" || m.RequestType == string(events.TypeTaskRequested)
}

// rejected notes a refused request; it changes nothing of a task that is known.
func (f *taskFold) rejected(l events.Logged, m *events.TaskRejected) {
	if m.TaskId == "" || !ofRequest(m) || f.of(m) != nil {
		return
	}
	r := resultOfRejected(m)
	r.Offset = l.Offset
	f.add(&TaskStatus{ID: r.ID, Pool: r.Pool, State: Rejected, Result: r, EndedMs: r.AtMs})
}

// Task returns one task and its events, now or as it was at a moment. Without a
// pool it looks in all. The error is *Refused with UNKNOWN_TASK if there is none.
func (c *Client) Task(ctx context.Context, pool events.Pool, id events.TaskID, at ...At) (*TaskStatus, Listing, error) {
	when := the(at)
	if pool == "" && when.needsPool() {
		var err error
		if pool, err = c.poolOfTask(ctx, id, At{}); err != nil {
			return nil, Listing{}, err
		}
	}
	listings, err := c.Tasks(ctx, TaskQuery{Pool: pool, ID: id, At: when})
	if err != nil {
		return nil, Listing{}, err
	}
	var found []Listing
	var pools []string
	for _, l := range listings {
		if len(l.Tasks) > 0 {
			found = append(found, l)
		}
		for _, s := range l.Tasks {
			pools = append(pools, string(s.Pool))
		}
	}
	switch {
	case len(pools) == 0 && pool != "":
		return nil, Listing{}, &Refused{Code: events.CodeUnknownTask, Message: fmt.Sprintf("no task %q in pool %q", id, pool)}
	case len(pools) == 0:
		return nil, Listing{}, &Refused{Code: events.CodeUnknownTask, Message: fmt.Sprintf("no task %q in any pool", id)}
	case len(pools) > 1:
		return nil, Listing{}, &Refused{Code: events.CodeUnknownTask, Message: fmt.Sprintf(
			"task %q is in the pools %s; say which with --pool", id, strings.Join(pools, ", "))}
	}
	return found[0].Tasks[0], found[0], nil
}

// Matches tells whether a filter of CancelMany matches a task now.
func Matches(f *events.TaskFilter, s *TaskStatus) bool {
	return !s.State.Ended() && (f.GetKind() == "" || s.Task.GetKind() == f.Kind) &&
		(f.GetTenant() == "" || s.Task.GetTenant() == f.Tenant) &&
		strings.HasPrefix(string(s.ID), f.GetIdPrefix()) && (!f.GetPendingOnly() || s.State == Pending)
}

// ResultOf returns how a task ended, if the event is its end.
func ResultOf(e Event) (Result, bool) {
	if m, ok := e.Message.(*events.TaskRejected); ok && ofRequest(m) {
		r := resultOfRejected(m)
		r.Offset = e.Offset
		return r, true
	}
	return resultOf(e.Logged)
}
