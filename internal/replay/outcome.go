package replay

import (
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// Outcome is what a run, or the record itself, made of the requests.
type Outcome struct {
	// tasks are in the order of the recording's requests.
	tasks []result
	// placements by engine.
	engines map[string]int
	startMs int64
}

// result is what became of one request.
type result struct {
	task *events.Task
	// readyMs is from when on it could have been placed; firstMs when it was, or -1.
	readyMs, firstMs int64
	// engine of the last attempt.
	engine     string
	placements int
	end        end
	endMs      int64
	// reason why it waits at the end.
	reason placement.Reason
}

// explain finds out why what waits at the end does.
func (r *runner) explain() {
	known := make(map[string]placement.Reason)
	for i := range r.out.tasks {
		res := &r.out.tasks[i]
		j := r.live[res.task.Id]
		if j == nil || j.request != i || res.end != pending {
			continue
		}
		if j.token != 0 && !r.gone[j.incarnation] {
			res.end = running
			continue
		}
		key := likeness(res.task)
		reason, ok := known[key]
		if !ok {
			x, _ := r.state.Explain(r.rec.Pool, events.TaskID(res.task.Id), r.now)
			reason = x.Reason
			known[key] = reason
		}
		res.reason = reason
	}
}

// ready finds from when on each task could have been placed in this run.
func (r *runner) ready() { readiness(r.out.tasks) }

func readiness(tasks []result) {
	ended := make(map[string]int64)
	for i := range tasks {
		if t := &tasks[i]; t.end == succeeded {
			ended[t.task.Id] = t.endMs
		}
	}
	for i := range tasks {
		t := &tasks[i]
		t.readyMs = max(t.readyMs, t.task.NotBeforeMs)
		for _, id := range t.task.After {
			t.readyMs = max(t.readyMs, ended[id])
		}
	}
}

// recorded is the outcome that the record itself tells of.
func recorded(rec *Recording) *Outcome {
	out := &Outcome{tasks: make([]result, len(rec.Requests)), engines: make(map[string]int), startMs: rec.FromMs}
	for i, q := range rec.Requests {
		res := result{task: q.Task, readyMs: q.at.ms, firstMs: -1, end: q.end, endMs: q.endedMs, placements: len(q.attempts)}
		for _, a := range q.attempts {
			out.engines[a.engine]++
			res.engine = a.engine
		}
		if len(q.attempts) > 0 {
			res.firstMs = q.attempts[0].from.ms
		}
		out.tasks[i] = res
	}
	readiness(out.tasks)
	return out
}
