package trace

import (
	"github.com/spanway/spanway/cmd/spanway/cli"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/events"
)

// stage is a stretch of a task's life as -o json prints it; the names are stable.
// Times are in milliseconds, offsets from the task's acceptance.
type stage struct {
	// Stage is wait, attempt, end or rejected.
	Stage    string `json:"stage"`
	Attempt  int32  `json:"attempt,omitempty"`
	Engine   string `json:"engine,omitempty"`
	Token    uint64 `json:"token,omitempty"`
	OffsetMs int64  `json:"offset_ms"`
	TookMs   int64  `json:"duration_ms"`
	// Open: it has not ended yet.
	Open bool `json:"open,omitempty"`
	// Cause is why it waits: accepted, or what ended the attempt before.
	Cause string `json:"cause,omitempty"`
	// Reason is what kept it waiting when that began, a code of wire.md, if known.
	Reason string `json:"reason,omitempty"`
	// Outcome is how an attempt, or the task, ended.
	Outcome string         `json:"outcome,omitempty"`
	Error   *cli.ErrorView `json:"error,omitempty"`

	from int64 // the offset in the log behind the event that it begins with
}

// waterfall makes stages of the events of one task.
type waterfall struct {
	stages      []stage
	begin, last int64
	open        bool // the last stage is
	incarnation string
}

// stagesOf is a task's life until nowMs.
func stagesOf(history []client.Event, nowMs int64) (stages []stage, beginMs int64) {
	w := &waterfall{}
	for _, e := range history {
		if w.begin == 0 {
			w.begin = e.AtMs
		}
		w.last = e.AtMs
		w.see(e)
	}
	if w.open {
		w.close(max(nowMs, w.last), "", nil)
		w.stages[len(w.stages)-1].Open = true
	}
	return w.stages, w.begin
}

// start begins a stage where the one before ends.
func (w *waterfall) start(at int64, s stage) {
	s.OffsetMs = at - w.begin
	w.stages = append(w.stages, s)
	w.open = true
}

func (w *waterfall) close(at int64, outcome string, err *events.TaskError) {
	if !w.open {
		return
	}
	s := &w.stages[len(w.stages)-1]
	s.TookMs, s.Outcome = max(0, at-w.begin-s.OffsetMs), outcome
	if err != nil {
		s.Error = &cli.ErrorView{Code: err.Code, Message: err.Message}
	}
	w.open = false
}

// running is the stage of an attempt that has not ended, if it is one of a token.
func (w *waterfall) running() *stage {
	if n := len(w.stages); w.open && w.stages[n-1].Stage == "attempt" {
		return &w.stages[n-1]
	}
	return nil
}

// back: the attempt is over, and it waits again.
func (w *waterfall) back(e client.Event, outcome string, err *events.TaskError) {
	s := w.running()
	if s == nil {
		return
	}
	attempt := s.Attempt
	w.close(e.AtMs, outcome, err)
	w.start(e.AtMs, stage{Stage: "wait", Attempt: attempt, Cause: outcome, from: e.Offset + 1})
}

// end: the task is over.
func (w *waterfall) end(e client.Event, outcome string, err *events.TaskError) {
	n := len(w.stages)
	switch {
	case w.running() != nil:
		w.close(e.AtMs, outcome, err)
	case n > 1 && e.AtMs == w.begin+w.stages[n-1].OffsetMs:
		w.stages = w.stages[:n-1] // It was not going to be tried again, so it did not wait.
	default:
		w.close(e.AtMs, "", nil)
	}
	w.start(e.AtMs, stage{Stage: "end"})
	w.close(e.AtMs, outcome, err)
}

func (w *waterfall) see(e client.Event) {
	switch m := e.Message.(type) {
	case *events.TaskAccepted:
		w.start(e.AtMs, stage{Stage: "wait", Attempt: 1, Cause: "accepted", from: e.Offset + 1})
	case *events.TaskRejected:
		if len(w.stages) == 0 {
			w.start(e.AtMs, stage{Stage: "rejected"})
			w.close(e.AtMs, "rejected", &events.TaskError{Code: m.Code, Message: m.Message})
		}
	case *events.TaskAssigned:
		w.close(e.AtMs, "", nil)
		w.start(e.AtMs, stage{Stage: "attempt", Attempt: m.Attempt, Engine: m.EngineId, Token: m.Token})
		w.incarnation = m.Incarnation
	case *events.TaskAssignmentRefused:
		w.back(e, "refused", &events.TaskError{Code: m.Code, Message: m.Message})
	case *events.TaskAttemptReturned:
		w.back(e, "returned", &events.TaskError{Code: "RETURNED", Message: m.Reason})
	case *events.TaskAttemptFailed:
		w.back(e, "failed", m.Error)
	case *events.TaskRetryScheduled:
		if n := len(w.stages); n > 0 && w.stages[n-1].Stage == "wait" {
			w.stages[n-1].Attempt, w.stages[n-1].from = m.Attempt, e.Offset+1
		}
	case *events.EngineLost:
		w.gone(e, m.EngineId, m.Incarnation, "lost", m.Reason)
	case *events.EngineDeparted:
		w.gone(e, m.EngineId, m.Incarnation, "departed", "the engine left")
	case *events.EngineRegistered:
		if s := w.running(); s != nil && s.Engine == m.Engine.GetId() && w.incarnation != m.Engine.GetIncarnation() {
			w.back(e, "lost", &events.TaskError{Code: "ENGINE_LOST", Message: "a new incarnation registered"})
		}
	case *events.TaskSucceeded:
		w.end(e, "succeeded", nil)
	case *events.TaskFailed:
		w.end(e, "failed", m.Error)
	case *events.TaskExpired:
		w.end(e, "expired", nil)
	case *events.TaskCancelled:
		w.end(e, "cancelled", nil)
	case *events.TaskDeadLettered:
		w.end(e, "dead", m.Error)
	}
}

// gone: an engine is, with what it ran.
func (w *waterfall) gone(e client.Event, engine, incarnation, outcome, why string) {
	if s := w.running(); s != nil && s.Engine == engine && w.incarnation == incarnation {
		w.back(e, outcome, &events.TaskError{Code: "ENGINE_LOST", Message: why})
	}
}
