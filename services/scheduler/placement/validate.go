package placement

import (
	"unicode/utf8"

	"google.golang.org/protobuf/types/known/structpb"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/predicate"
	"github.com/spanway/spanway/pkg/request"
)

// Limits of registrations, besides those of packages events and request.
const (
	maxKinds  = 256
	maxLabels = 64
)

func bad(format string, args ...any) error {
	return events.Refuse(events.CodeBadData, format, args...)
}

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
		m.Data = m.Data[:min(len(m.Data), events.MaxProgressBytes)]
		m.DataType = printable(m.DataType, maxReasonBytes)
		return events.CheckID("taskId", m.TaskId)
	case *events.EngineRegistration:
		if err := events.CheckID("engine.id", m.GetEngine().GetId()); err != nil {
			return err
		}
		m.Engine.Pool = string(out.pool)
		if err := p.checkEngine(m.Engine); err != nil {
			out.invalid = malformed(err)
		}
	case *events.TaskCancelRequested:
		if (m.Filter == nil) == (m.TaskId == "") {
			return bad("a cancel needs either taskId or filter")
		}
		m.Reason = printable(m.Reason, maxReasonBytes)
	case *events.TaskRetryRequested:
		return events.CheckID("taskId", m.TaskId)
	case *events.EngineDrainRequested:
		m.Reason = printable(m.Reason, maxReasonBytes)
		return events.CheckID("engineId", m.EngineId)
	case *events.EngineResumeRequested:
		return events.CheckID("engineId", m.EngineId)
	case *events.PoolConfigureRequested:
		return checkSettings(m.Settings)
	}
	return nil
}

// task makes the task that a request asks for. A trace context that is too long,
// or no text, is left out.
func (p *Preparer) task(out *Prepared, m *events.TaskRequested, env events.Envelope) error {
	t := &events.Task{}
	x, err := p.checks.Task(t, out.pool, out.taskID, m)
	if err != nil {
		return err
	}
	if len(env.Traceparent) <= 64 && len(env.Tracestate) <= 512 &&
		utf8.ValidString(env.Traceparent) && utf8.ValidString(env.Tracestate) {
		t.Traceparent, t.Tracestate = env.Traceparent, env.Tracestate
	}
	out.task, out.key, out.predicate, out.prefer = t, keyOf(out.pool, t.Id), x.Predicate, x.Prefer
	return nil
}

func (p *Preparer) checkEngine(e *events.Engine) error {
	if err := events.CheckID("engine.incarnation", e.Incarnation); err != nil {
		return err
	}
	if e.Site != "" {
		if err := events.CheckID("engine.site", e.Site); err != nil {
			return err
		}
	}
	if e.Node != "" {
		if err := events.CheckID("engine.node", e.Node); err != nil {
			return err
		}
	}
	if want := events.EnginePartition(events.EngineID(e.Id)); e.AssignmentsPartition != want {
		return bad("engine.assignmentsPartition is %d; for %q it is %d", e.AssignmentsPartition, e.Id, want)
	}
	if len(e.Kinds) > maxKinds {
		return bad("%d kinds; at most %d are allowed", len(e.Kinds), maxKinds)
	}
	for _, k := range e.Kinds {
		if err := events.CheckID("engine.kinds", k); err != nil {
			return err
		}
	}
	if err := request.CheckAllocatable(e.Allocatable); err != nil {
		return err
	}
	if _, err := p.predicates.Accepts(e.Accepts); err != nil {
		refused := malformed(err)
		return events.Refuse(refused.Code, "engine.accepts: %s", refused.Message)
	}
	return checkLabels(e.Labels)
}

func checkLabels(labels map[string]*structpb.Value) error {
	if len(labels) > maxLabels {
		return bad("%d labels; at most %d are allowed", len(labels), maxLabels)
	}
	for name, v := range labels {
		if err := events.CheckID("a label's name", name); err != nil {
			return err
		}
		if _, err := predicate.FromLabel(v); err != nil {
			return bad("label %q: %v", name, err)
		}
		if len(v.GetStringValue()) > events.MaxIDBytes || len(v.GetListValue().GetValues()) > maxLabels {
			return bad("label %q is too large", name)
		}
	}
	return nil
}
