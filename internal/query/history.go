package query

import (
	"slices"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// Task is what the log says of one task: the view that the scheduler's core has of
// it, and what only its history tells.
type Task struct {
	placement.TaskView
	// StartedMs is when its newest attempt started, in milliseconds since the Unix
	// epoch; 0 if it did not, or if that is no longer in the log.
	StartedMs int64
	// Progress is what the handler said last, other than output.
	Progress []byte

	// on is the incarnation of the engine that its running attempt is on.
	on string
}

// history is what the log tells of tasks beside the core: it keeps what the core
// forgets (the requests, what the last attempt did, how tasks ended) in the core's
// view of a task. What a task waits for or runs on is the core's alone to say.
type history struct {
	what TaskQuery
	// core is folded along; nil before the snapshot that it was restored from.
	core   *placement.State
	tasks  map[taskKey]*Task
	order  []*Task
	events []client.Event
	// page takes the place of tasks and order where the query has a limit.
	page *page
}

type taskKey struct{ pool, id string }

func newHistory(what TaskQuery) *history {
	h := &history{what: what, tasks: map[taskKey]*Task{}}
	if what.Limit > 0 && what.ID == "" {
		h.page = newPage(what)
	}
	return h
}

// begin goes on with a core, in which the tasks are that are older than the log.
// What is known of a task from its own events stays.
func (h *history) begin(core *placement.State) {
	h.core = core
	if h.page != nil {
		h.page.begin(core, h.order)
		h.tasks, h.order = nil, nil
		return
	}
	for _, pool := range core.Pools() {
		incarnations := map[string]string{}
		for e := range core.Engines(pool.Pool) {
			incarnations[e.ID] = e.Incarnation
		}
		for v := range core.Tasks(pool.Pool) {
			known := h.tasks[taskKey{v.Pool, v.ID}]
			if known == nil {
				if v.Token == 0 {
					v.Attempt = 0 // One that is still to come.
				}
				known = &Task{TaskView: v}
				h.add(known)
			}
			if v.State == string(client.Assigned) || v.State == string(client.Running) {
				known.on = incarnations[v.Engine]
			}
		}
	}
}

func (h *history) add(t *Task) {
	if h.what.ID != "" && t.ID != string(h.what.ID) || h.what.IDs != nil && !h.what.IDs[events.TaskID(t.ID)] {
		return
	}
	key := taskKey{t.Pool, t.ID}
	if old := h.tasks[key]; old != nil {
		*old = *t // In its old place.
		return
	}
	h.tasks[key] = t
	h.order = append(h.order, t)
}

// see takes the next event.
func (h *history) see(topic string, partition int32, l events.Logged, rec *events.Record) {
	if h.core != nil {
		defer h.apply(l)
	}
	if l.Message == nil {
		return
	}
	if h.what.ID != "" && (h.what.Pool == "" || client.PoolOf(l.Message) == h.what.Pool) && h.concerns(l) {
		h.events = append(h.events, client.EventOf(topic, partition, l, rec))
	}
	if m, ok := l.Message.(*events.TaskAccepted); ok && h.what.Accepted != nil && h.what.IDs[events.TaskID(m.Task.GetId())] {
		h.what.Accepted(m)
	}
	h.note(l)
}

// apply has the core fold an event. Of tasks that came of another site it tells.
func (h *history) apply(l events.Logged) {
	m, ok := l.Message.(*events.PoolPromoted)
	if !ok {
		h.core.Apply(l)
		return
	}
	if _, replaced := h.core.Imported(events.Pool(m.Pool)); replaced {
		h.giveAway(m.Pool)
	}
	if h.core.Apply(l); h.page != nil { // It asks the core for what has not ended.
		return
	}
	for v := range h.core.Tasks(events.Pool(m.Pool)) {
		if v.Ended() || h.tasks[taskKey{v.Pool, v.ID}] != nil {
			continue
		}
		if v.Token == 0 {
			v.Attempt = 0 // One that is still to come.
		}
		h.add(&Task{TaskView: v})
	}
}

// giveAway forgets what has not ended of a pool: it went on at another site.
func (h *history) giveAway(pool string) {
	if h.page != nil {
		for key := range h.page.tries {
			if key.pool == pool {
				delete(h.page.tries, key)
			}
		}
		return
	}
	h.order = slices.DeleteFunc(h.order, func(t *Task) bool {
		gone := t.Pool == pool && !t.Ended()
		if gone {
			delete(h.tasks, taskKey{t.Pool, t.ID})
		}
		return gone
	})
}

// concerns tells whether an event is about the task that was asked for, or takes
// the engine away that its attempt is on.
func (h *history) concerns(l events.Logged) bool {
	if client.TaskOf(l.Message) == h.what.ID {
		return true
	}
	return slices.ContainsFunc(h.order, func(t *Task) bool {
		if t.on == "" {
			return false
		}
		switch m := l.Message.(type) {
		case *events.EngineLost:
			return m.Incarnation == t.on
		case *events.EngineDeparted:
			return m.Incarnation == t.on
		case *events.EngineRegistered:
			return m.Engine.GetPool() == t.Pool && m.Engine.GetId() == t.Engine
		}
		return false
	})
}

// ofTask is an event about one task.
type ofTask interface {
	GetTaskId() string
	GetPool() string
}

// note keeps what an event says of a task. As long as there is no core, a page cannot
// tell what a task was that ends: then all are kept, if ended ones are asked for.
func (h *history) note(l events.Logged) {
	if h.page != nil && (h.core != nil || !h.what.endedToo()) {
		h.page.note(h.core, l)
		return
	}
	switch m := l.Message.(type) {
	case *events.TaskAccepted:
		h.add(&Task{TaskView: placement.Accepted(m)})
		return
	case *events.TaskRejected:
		h.rejected(l, m)
		return
	case *events.LogLossAccepted: // All of it is lost.
		clear(h.tasks)
		h.order = nil
		return
	}
	m, ok := l.Message.(ofTask)
	if !ok {
		h.noteEngine(l)
		return
	}
	if t := h.tasks[taskKey{m.GetPool(), m.GetTaskId()}]; t != nil {
		t.note(l)
	}
}

// noteEngine ends the attempts on an engine that is gone.
func (h *history) noteEngine(l events.Logged) {
	if h.what.ID == "" {
		return // Then there is no event to be told apart by that.
	}
	var gone func(*Task) bool
	switch m := l.Message.(type) {
	case *events.EngineLost:
		gone = func(t *Task) bool { return t.on == m.Incarnation }
	case *events.EngineDeparted:
		gone = func(t *Task) bool { return t.on == m.Incarnation }
	case *events.EngineRegistered:
		gone = func(t *Task) bool {
			return t.Pool == m.Engine.GetPool() && t.Engine == m.Engine.GetId() && t.on != m.Engine.GetIncarnation()
		}
	default:
		return
	}
	for _, t := range h.order {
		if gone(t) {
			t.on = ""
		}
	}
}

// rejected notes a refused request; it changes nothing of a task that is known.
func (h *history) rejected(l events.Logged, m *events.TaskRejected) {
	if r, ok := client.ResultOf(client.Event{Logged: l}); ok && m.TaskId != "" && h.tasks[taskKey{m.Pool, m.TaskId}] == nil {
		t := &Task{TaskView: placement.TaskView{ID: m.TaskId, Pool: m.Pool}}
		t.end(r)
		h.add(t)
	}
}

// note keeps what an event says of this task.
func (t *Task) note(l events.Logged) {
	switch m := l.Message.(type) {
	case *events.TaskAssigned:
		t.Engine, t.Attempt, t.Token, t.AssignedMs = m.EngineId, m.Attempt, m.Token, m.AtMs
		t.StartedMs, t.on = 0, m.Incarnation
	case *events.TaskStarted:
		t.StartedMs = m.AtMs
	case *events.TaskProgressed:
		if m.DataType != events.ContentStdout && m.DataType != events.ContentStderr {
			t.Progress = m.Data
		}
	case *events.TaskAttemptFailed:
		t.Code, t.Message, t.on = m.Error.GetCode(), m.Error.GetMessage(), ""
	case *events.TaskAssignmentRefused, *events.TaskAttemptReturned:
		t.on = ""
	default:
		if r, ok := client.ResultOf(client.Event{Logged: l}); ok {
			t.end(r)
		}
	}
}

// end notes how the task ended.
func (t *Task) end(r client.Result) {
	t.State, t.EndedMs, t.EndedAt, t.on = string(r.State), r.AtMs, r.Offset, ""
	t.Result, t.ResultType = r.Data, r.Type
	t.Code, t.Message = string(r.Code), r.Reason
	if r.Error != nil {
		t.Code, t.Message = r.Error.Code, r.Error.Message
	}
}

// list gives the tasks that match, in the order in which they were accepted, and says
// how many more there are if the query has a limit.
func (h *history) list() (out []*Task, more int) {
	if h.page != nil {
		return h.page.list(h.core)
	}
	for _, t := range h.order {
		if v, ok := h.core.Task(events.Pool(t.Pool), events.TaskID(t.ID)); ok && !t.Ended() {
			t.State = v.State
		}
		if h.what.matches(t) {
			out = append(out, t)
		}
	}
	return out, 0
}
