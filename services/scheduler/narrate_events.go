package scheduler

import (
	"context"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// tell makes the spans that an event ends.
func (n *narrator) tell(l events.Logged) {
	switch m := l.Message.(type) {
	case *events.TaskAccepted:
		n.accepted(m)
	case *events.TaskRejected:
		n.answered(m.Source, m.AtMs, "rejected", failure{m.Code, m.Message})
	case *events.TaskForwarded:
		n.answered(m.Source, m.AtMs, "forwarded", failure{})
	case *events.TaskAssigned:
		n.placed(l.Offset, m)
	case *events.TaskSucceeded:
		n.reported(attempted{m.Pool, m.TaskId, m.EngineId, m.Attempt, m.Token, m.AtMs}, "succeeded", failure{}, true)
	case *events.TaskFailed:
		n.reported(attempted{m.Pool, m.TaskId, m.EngineId, m.Attempt, m.Token, m.AtMs}, "failed", failureOf(m.Error), true)
	case *events.TaskAttemptFailed:
		n.reported(attempted{m.Pool, m.TaskId, m.EngineId, m.Attempt, m.Token, m.AtMs}, "attempt_failed", failureOf(m.Error), false)
	case *events.TaskAttemptReturned:
		n.reported(attempted{m.Pool, m.TaskId, m.EngineId, m.Attempt, m.Token, m.AtMs}, "attempt_returned", failure{"RETURNED", m.Reason}, false)
	case *events.TaskAssignmentRefused:
		n.reported(attempted{m.Pool, m.TaskId, m.EngineId, m.Attempt, m.Token, m.AtMs}, "assignment_refused", failure{m.Code, m.Message}, false)
	case *events.TaskStaleResultRejected:
		n.stale(m)
	case *events.TaskRetryScheduled:
		n.retried(m)
	case *events.TaskExpired:
		n.ended(attempted{pool: m.Pool, task: m.TaskId, at: m.AtMs}, "expired",
			failure{"EXPIRED", "no engine took it within its schedule timeout"})
	case *events.TaskCancelled:
		n.ended(attempted{pool: m.Pool, task: m.TaskId, engine: m.EngineId, token: m.Token, at: m.AtMs}, "cancelled", failure{})
	case *events.TaskDeadLettered:
		n.ended(attempted{pool: m.Pool, task: m.TaskId, attempt: m.Attempts, at: m.AtMs}, "dead_lettered", failureOf(m.Error))
	}
}

func (n *narrator) accepted(m *events.TaskAccepted) {
	task := m.Task
	if !messaging.Sampled(task.GetTraceparent()) {
		return
	}
	l := n.live(taskName{events.Pool(task.Pool), events.TaskID(task.Id)}, placement.Trace{Parent: task.Traceparent, State: task.Tracestate}, m.AtMs)
	span := n.span(l.ctx, &n.requests, m.AtMs, n.partition, n.group, messaging.Conversation(task.Id),
		messaging.TaskID.String(task.Id), messaging.TaskPool.String(task.Pool), messaging.TaskKind.String(task.Kind),
		messaging.TaskOutcome.String("accepted"))
	n.done(span, m.AtMs)
}

// answered tells of a request that became no task here.
func (n *narrator) answered(from *events.Source, at int64, outcome string, f failure) {
	ctx, ok := n.arrived[origin{offset: from.GetOffset()}]
	if !ok || from.GetTopic() != n.requestsTopic {
		return
	}
	span := n.span(ctx, &n.requests, at, n.partition, n.group, messaging.Offset(from.GetOffset()), messaging.TaskOutcome.String(outcome))
	if f.class != "" {
		messaging.Fail(span, f.class, f.message)
	}
	n.done(span, at)
}

func (n *narrator) placed(offset int64, m *events.TaskAssigned) {
	l := n.of(m.Pool, m.TaskId)
	if l == nil {
		return
	}
	a := attempted{m.Pool, m.TaskId, m.EngineId, m.Attempt, m.Token, m.AtMs}
	if m.Attempt > 1 && l.cause == "accepted" {
		l.since = 0 // It was with an engine before this tenure, and waits since then.
	}
	n.link(trace.SpanContextFromContext(l.ctx))
	n.waited(l, a)
	ctx, span := n.internal(l, spanPlace, m.AtMs, a)
	n.done(span, m.AtMs)
	n.assigned[offset] = ctx
	l.engine, l.assigned, l.attempt, l.token = m.EngineId, m.AtMs, m.Attempt, m.Token
}

// reported tells of an attempt's end: as the end of the report's way, or, where
// the scheduler ended it itself, as that of the attempt.
func (n *narrator) reported(a attempted, outcome string, f failure, final bool) {
	l := n.of(a.pool, a.task)
	ctx, ok := n.arrived[origin{pool: events.Pool(a.pool), token: events.Token(a.token)}]
	switch {
	case ok:
		n.report(ctx, a, outcome, f)
	case l == nil:
	case final: // Its engine does not pass traces on.
		n.report(l.ctx, a, outcome, f)
	default:
		n.unreported(l, a.at, f, a.pool, a.task)
	}
	switch {
	case final:
		n.over(a)
	case l != nil:
		l.waits(a.at, outcome)
	}
}

func (n *narrator) report(ctx context.Context, a attempted, outcome string, f failure) {
	about := append([]attribute.KeyValue{n.partition, n.group, messaging.Conversation(a.task), messaging.TaskOutcome.String(outcome)}, a.attributes()...)
	span := n.span(ctx, &n.reports, a.at, about...)
	if f.class != "" {
		messaging.Fail(span, f.class, f.message)
	}
	n.done(span, a.at)
}

// stale tells of a report on an attempt that was over.
func (n *narrator) stale(m *events.TaskStaleResultRejected) {
	if ctx, ok := n.arrived[origin{pool: events.Pool(m.Pool), token: events.Token(m.Token)}]; ok {
		n.report(ctx, attempted{m.Pool, m.TaskId, m.EngineId, m.Attempt, m.Token, m.AtMs}, "stale_result_rejected",
			failure{"STALE_RESULT", "the attempt was over: " + m.Outcome + " came too late"})
	}
}

func (n *narrator) retried(m *events.TaskRetryScheduled) {
	l := n.of(m.Pool, m.TaskId)
	if l == nil {
		return
	}
	cause := l.cause
	if l.engine != "" { // Its engine is lost or has departed.
		v, _ := n.state.Task(events.Pool(m.Pool), events.TaskID(m.TaskId))
		cause = v.Code
		n.unreported(l, m.AtMs, failure{v.Code, v.Message}, m.Pool, m.TaskId)
	}
	l.waits(m.AtMs, cause)
}

// ended tells of an end that no report led to.
func (n *narrator) ended(a attempted, outcome string, f failure) {
	l := n.of(a.pool, a.task)
	if l == nil {
		return
	}
	if a.engine == "" {
		n.unreported(l, a.at, f, a.pool, a.task)
		n.waited(l, a)
	}
	n.link(trace.SpanContextFromContext(l.ctx))
	_, span := n.internal(l, spanEnd, a.at, a)
	span.SetAttributes(messaging.TaskOutcome.String(outcome))
	if f.class != "" {
		messaging.Fail(span, f.class, f.message)
	}
	n.done(span, a.at)
	n.over(a)
}

func (n *narrator) over(a attempted) {
	delete(n.lives, taskName{events.Pool(a.pool), events.TaskID(a.task)})
}
