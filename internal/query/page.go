package query

import (
	"cmp"
	"container/heap"
	"slices"

	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// page is a history with a limit: it keeps the newest ended tasks that match and of
// live ones only what the core does not know. What is live at the end is the core's to
// say, so that its memory does not grow with the tasks that wait or have ended.
//
// An ID that is used again after the core forgot its first task is one task of the
// list; it may be counted twice if the first had fallen out of the page.
type page struct {
	what   TaskQuery
	tries  map[taskKey]try // of live tasks that had an attempt
	newest byAge           // only ended ones, until the list is made
	// byKey finds those in newest; fell counts matching ones that fell out of it.
	byKey map[taskKey]*Task
	fell  int
	// placed numbers the tasks: it orders those of one millisecond.
	placed int
}

// try is the newest attempt of a live task, as its events told it.
type try struct {
	engine                string
	attempt               int32
	token                 uint64
	assignedMs, startedMs int64
	progress              []byte
}

func newPage(what TaskQuery) *page {
	return &page{what: what, tries: map[taskKey]try{}, byKey: map[taskKey]*Task{}}
}

// endedToo tells whether ended tasks may match.
func (what TaskQuery) endedToo() bool {
	return len(what.States) == 0 || slices.ContainsFunc(what.States, client.State.Ended)
}

// begin takes over what a history knows of tasks that have no place in the page as
// yet, when the core is there.
func (p *page) begin(core *placement.State, known []*Task) {
	seen := map[taskKey]bool{}
	for _, t := range known {
		key := taskKey{t.Pool, t.ID}
		seen[key] = true
		if t.Ended() {
			p.end(key, t)
		} else if t.Token != 0 {
			p.tries[key] = try{t.Engine, t.Attempt, t.Token, t.AssignedMs, t.StartedMs, t.Progress}
		}
	}
	for _, pool := range core.Pools() {
		for v := range core.Tasks(pool.Pool) {
			if key := (taskKey{v.Pool, v.ID}); v.Ended() && !seen[key] {
				p.end(key, &Task{TaskView: v})
			}
		}
	}
}

// note keeps what an event says of a task. The core has not seen the event yet; it is
// nil if it is not known yet.
func (p *page) note(core *placement.State, l events.Logged) {
	switch m := l.Message.(type) {
	case *events.TaskAccepted:
		key := taskKey{m.Task.GetPool(), m.Task.GetId()}
		delete(p.tries, key)
		p.remove(key)
		return
	case *events.TaskRejected:
		p.rejected(core, l, m)
		return
	case *events.LogLossAccepted: // All of it is lost.
		*p = *newPage(p.what)
		return
	}
	if m, ok := l.Message.(ofTask); ok {
		p.noteTask(core, taskKey{m.GetPool(), m.GetTaskId()}, l)
	}
}

func (p *page) noteTask(core *placement.State, key taskKey, l events.Logged) {
	t, ok := p.tries[key]
	switch m := l.Message.(type) {
	case *events.TaskAssigned:
		p.tries[key] = try{engine: m.EngineId, attempt: m.Attempt, token: m.Token, assignedMs: m.AtMs, progress: t.progress}
	case *events.TaskStarted:
		t.startedMs = m.AtMs
		p.change(key, t, ok)
	case *events.TaskProgressed:
		if m.DataType != events.ContentStdout && m.DataType != events.ContentStderr {
			t.progress = m.Data
			p.change(key, t, ok)
		}
	default:
		r, ended := client.ResultOf(client.Event{Logged: l})
		if !ended {
			return
		}
		if core != nil {
			if v, ok := core.Task(events.Pool(key.pool), events.TaskID(key.id)); ok && !v.Ended() && v.State != "" {
				task := p.live(v)
				task.end(r)
				p.end(key, task)
			}
		}
		delete(p.tries, key)
	}
}

// change keeps what is new of a try that is known.
func (p *page) change(key taskKey, t try, known bool) {
	if known {
		p.tries[key] = t
	}
}

// rejected notes a refused request; it changes nothing of a task that is known.
func (p *page) rejected(core *placement.State, l events.Logged, m *events.TaskRejected) {
	key := taskKey{m.Pool, m.TaskId}
	if m.TaskId == "" || p.byKey[key] != nil {
		return
	}
	if core != nil {
		if _, known := core.Task(events.Pool(m.Pool), events.TaskID(m.TaskId)); known {
			return
		}
	}
	if r, ok := client.ResultOf(client.Event{Logged: l}); ok {
		t := &Task{TaskView: placement.TaskView{ID: m.TaskId, Pool: m.Pool}}
		t.end(r)
		p.end(key, t)
	}
}

// live is a task as the core shows it, with what its events told of its last attempt.
func (p *page) live(v placement.TaskView) *Task {
	t := &Task{TaskView: v}
	if v.Token == 0 {
		t.Attempt = 0 // One that is still to come.
	}
	if last, ok := p.tries[taskKey{v.Pool, v.ID}]; ok {
		t.Engine, t.Attempt, t.Token, t.AssignedMs = last.engine, last.attempt, last.token, last.assignedMs
		t.StartedMs, t.Progress = last.startedMs, last.progress
	}
	return t
}

// end gives an ended task its place, and takes that of the oldest if there are too
// many.
func (p *page) end(key taskKey, t *Task) {
	if !p.what.matches(t) {
		return
	}
	p.remove(key)
	p.byKey[key] = t
	if old := p.place(t); old != nil {
		delete(p.byKey, taskKey{old.Pool, old.ID})
	}
}

// place puts a task among the newest, and returns the one that fell out.
func (p *page) place(t *Task) (old *Task) {
	p.placed++
	heap.Push(&p.newest, placed{t, p.placed})
	if p.newest.Len() <= p.what.Limit {
		return nil
	}
	p.fell++
	if out, ok := heap.Pop(&p.newest).(placed); ok {
		old = out.Task
	}
	return old
}

func (p *page) remove(key taskKey) {
	if t := p.byKey[key]; t != nil {
		delete(p.byKey, key)
		heap.Remove(&p.newest, slices.IndexFunc(p.newest, func(x placed) bool { return x.Task == t }))
	}
}

// list gives the newest tasks that match, the oldest of them first, and says how many
// more there are. It is the last that is asked of a page.
func (p *page) list(core *placement.State) (tasks []*Task, more int) {
	for _, pool := range core.Pools() {
		if p.what.Pool != "" && pool.Pool != p.what.Pool {
			continue
		}
		for v := range core.Tasks(pool.Pool) {
			if v.Ended() {
				continue
			}
			if t := p.live(v); p.what.matches(t) {
				p.place(t)
			}
		}
	}
	slices.SortFunc(p.newest, placed.compare)
	for _, t := range p.newest {
		tasks = append(tasks, t.Task)
	}
	return tasks, p.fell
}

// placed is a task of a page.
type placed struct {
	*Task
	n int
}

func (a placed) compare(b placed) int {
	return cmp.Or(cmp.Compare(a.sinceMs(), b.sinceMs()), cmp.Compare(a.n, b.n))
}

// sinceMs is when the task was accepted, or rejected.
func (t *Task) sinceMs() int64 { return cmp.Or(t.AcceptedMs, t.EndedMs) }

// byAge is a heap of tasks with the oldest on top.
type byAge []placed

func (h byAge) Len() int           { return len(h) }
func (h byAge) Less(i, j int) bool { return h[i].compare(h[j]) < 0 }
func (h byAge) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *byAge) Push(x any) {
	if t, ok := x.(placed); ok {
		*h = append(*h, t)
	}
}

func (h *byAge) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = placed{}
	*h = (*h)[:last]
	return t
}
