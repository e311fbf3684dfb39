package placement

import (
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/request"
)

// validate checks a record for this partition and completes out.
func (p *Preparer) validate(out *Prepared, env events.Envelope) error {
	switch m := out.message.(type) {
	case *events.TaskRequested:
		return p.task(out, m, env)
	case *events.AttemptFinished:
		if len(m.Result) > events.MaxPayloadBytes {
			m.Error = &events.TaskError{Code: string(events.CodeTooLarge), Message: "the result is too large; give a reference to it"}
			m.Result, m.Outcome = nil, events.AttemptFinished_FAILED_FINALLY
		}
		if m.Error != nil { // It is kept with the task.
			m.Error.Code = printable(m.Error.Code, maxReasonBytes)
			m.Error.Message = printable(m.Error.Message, maxMessageBytes)
		}
		return events.CheckID("taskId", m.TaskId)
	case *events.AttemptStarted:
		return events.CheckID("taskId", m.TaskId)
	case *events.AttemptProgressed:
		m.Data = events.Cut(m.Data, events.MaxProgressBytes)
		m.DataType = printable(m.DataType, maxReasonBytes)
		return events.CheckID("taskId", m.TaskId)
	case *events.EngineRegistration:
		if !answerable(m.GetEngine()) {
			return events.CheckEngine(m.GetEngine())
		}
		m.Engine.Pool = string(out.pool)
		if err := p.checkEngine(m.Engine); err != nil {
			out.invalid = malformed(err)
		}
	case *events.TaskCancelRequested:
		m.Reason = printable(m.Reason, maxReasonBytes)
	case *events.EngineDrainRequested:
		m.Reason = printable(m.Reason, maxReasonBytes)
	case *events.PoolPromoteRequested:
		m.Reason = printable(m.Reason, maxReasonBytes)
	case *events.PoolReplaceRequested:
		m.Reason = printable(m.Reason, maxReasonBytes)
	}
	return request.Command(out.message)
}

// task makes the task that a request asks for. A trace context that is too long,
// or no text, is left out.
func (p *Preparer) task(out *Prepared, m *events.TaskRequested, env events.Envelope) error {
	t := &events.Task{}
	x, err := p.checks.Task(t, out.pool, out.taskID, m)
	if err != nil {
		return err
	}
	in := env.Trace()
	t.Traceparent, t.Tracestate = in.Parent, in.State
	out.task, out.key, out.predicate, out.prefer = t, keyOf(out.pool, t.Id), x.Predicate, x.Prefer
	return nil
}

func (p *Preparer) checkEngine(e *events.Engine) error {
	if err := events.CheckEngine(e); err != nil {
		return err
	}
	if _, err := p.predicates.Accepts(e.Accepts); err != nil {
		refused := malformed(err)
		return events.Refuse(refused.Code, "engine.accepts: %s", refused.Message)
	}
	return nil
}
