package scheduler

import (
	"cmp"
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/scheduler/placement"
)

// Names of the spans that are about no message.
const (
	spanWait    = "wait"    // from when it could have been assigned until it was, or ended
	spanPlace   = "place"   // from the decision for an engine until it counted
	spanAttempt = "attempt" // of which no engine reported the end
	spanEnd     = "end"     // that no report led to
)

// life is what the spans to come of a task need to know.
type life struct {
	ctx context.Context //nolint:containedctx // the producer's span, of which those to come are children
	// since is when it began to wait, in milliseconds, 0 if that is not known; cause is why.
	since int64
	cause string
	// engine has it, since assigned; empty if it waits.
	engine   string
	assigned int64
	attempt  int32
	token    uint64
}

// narrator tells the events of one batch as spans.
type narrator struct {
	*traces
	state *placement.State
	end   time.Time // when the batch counted
}

// of is what is known of a task: from the events of this tenure, else from the
// core; nil if it is in no trace that is recorded.
func (n *narrator) of(pool, id string) *life {
	name := taskName{events.Pool(pool), events.TaskID(id)}
	if l := n.lives[name]; l != nil {
		return l
	}
	from, accepted, ok := n.state.Trace(name.pool, name.id)
	if !ok || !messaging.Sampled(from.Parent) {
		return nil
	}
	return n.live(name, from, accepted)
}

func (n *narrator) live(name taskName, from placement.Trace, since int64) *life {
	l := &life{ctx: messaging.Extract(context.Background(), from.Parent, from.State), since: since, cause: "accepted"}
	if len(n.lives) < maxLives {
		n.lives[name] = l
	}
	return l
}

// span tells of what ended when the batch counted.
func (n *narrator) span(ctx context.Context, s *messaging.Spans, from int64, more ...attribute.KeyValue) trace.Span {
	parent := trace.SpanContextFromContext(ctx)
	n.link(parent)
	_, span := s.Start(ctx, trace.WithTimestamp(n.at(from)), messaging.LinkTo(parent), trace.WithAttributes(more...))
	return span
}

// internal begins a span that is about no message.
func (n *narrator) internal(l *life, name string, from int64, of attempted) (context.Context, trace.Span) {
	return n.tracer.Start(l.ctx, name, trace.WithTimestamp(n.at(from)), trace.WithAttributes(of.attributes()...))
}

// done ends a span: when the batch counted, but never before it began.
func (n *narrator) done(span trace.Span, from int64) {
	end := n.end
	if begin := n.at(from); end.Before(begin) {
		end = begin
	}
	span.End(trace.WithTimestamp(end))
}

// attempted is what the events of an attempt have in common.
type attempted struct {
	pool, task, engine string
	attempt            int32
	token              uint64
	at                 int64
}

func (a attempted) attributes() []attribute.KeyValue {
	out := []attribute.KeyValue{messaging.TaskID.String(a.task), messaging.TaskPool.String(a.pool)}
	if a.attempt > 0 {
		out = append(out, messaging.TaskAttempt.Int(int(a.attempt)))
	}
	if a.token > 0 {
		out = append(out, messaging.TaskToken.Int64(int64(a.token)))
	}
	if a.engine != "" {
		out = append(out, messaging.EngineID.String(a.engine))
	}
	return out
}

// failure is what went wrong, if anything did.
type failure struct{ class, message string }

func failureOf(e *events.TaskError) failure {
	return failure{cmp.Or(e.GetCode(), "FAILED"), e.GetMessage()}
}

// waited tells of the queue: from when it could have been assigned to now.
func (n *narrator) waited(l *life, a attempted) {
	if l.since == 0 {
		return
	}
	_, span := n.internal(l, spanWait, l.since, a)
	span.SetAttributes(messaging.WaitCause.String(l.cause))
	span.End(trace.WithTimestamp(n.at(max(a.at, l.since))))
	l.since = 0
}

// waits: it is in the queue from now on.
func (l *life) waits(at int64, cause string) { l.since, l.cause, l.engine = at, cause, "" }

// unreported tells of an attempt whose engine did not say how it ended.
func (n *narrator) unreported(l *life, at int64, f failure, pool, task string) {
	if l.engine == "" {
		return
	}
	_, span := n.internal(l, spanAttempt, l.assigned, attempted{pool, task, l.engine, l.attempt, l.token, at})
	messaging.Fail(span, f.class, f.message)
	span.End(trace.WithTimestamp(n.at(max(at, l.assigned))))
	l.engine = ""
}
