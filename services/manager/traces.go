package manager

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/internal/telemetry/tracing"
	"github.com/spanway/spanway/pkg/events"
)

// scope names what the managers trace.
const scope = "github.com/spanway/spanway/services/manager"

// spanRealise is from the decision on a task until its end counted.
const spanRealise = "realise"

// traces makes spans of the events of an owner's own batches, once these count; what was folded
// from the log makes none, so nothing opens an old trace again. It is used by the owner's goroutine
// alone.
type traces struct {
	site     string
	tracer   trace.Tracer
	requests messaging.Spans
	inbox    messaging.Spans
	// tasks are the traced ones of this tenure that have not ended.
	tasks map[string]*realising
}

// realising is a task that realises an object.
type realising struct {
	in    events.Trace
	since int64
	about []attribute.KeyValue
}

// maxTasks bounds the tasks whose begin is remembered. Of others there is no span.
const maxTasks = 100_000

func newTraces(topics events.Topics, site string) *traces {
	t := messaging.Tracer(scope)
	return &traces{
		site: site, tracer: t, requests: messaging.Processes(t, topics.NetworkRequests()),
		inbox: messaging.Processes(t, topics.NetworkInbox()), tasks: map[string]*realising{},
	}
}

// disowned forgets the tasks of the tenure.
func (t *traces) disowned() { clear(t.tasks) }

// counted makes the spans of a batch that counts.
func (t *traces) counted(batch []events.Logged) {
	if !tracing.Enabled() {
		return
	}
	for i := range batch {
		switch m := batch[i].Message.(type) {
		case *events.NetworkChanged:
			t.processed(&t.requests, events.Trace{Parent: m.Traceparent, State: m.Tracestate}, m.AtMs,
				messaging.NetworkChange.Int64(int64(m.Change)))
		case *events.NetworkEntryApplied:
			e := m.GetEntry()
			t.processed(&t.inbox, events.Trace{Parent: e.GetTraceparent(), State: e.GetTracestate()}, m.AtMs,
				messaging.NetworkChange.Int64(int64(e.GetChange())), messaging.NetworkSite.String(t.site), messaging.NetworkEntry.Int64(int64(e.GetSequence())))
		case *events.NetworkRealising:
			t.begun(m)
		case *events.NetworkRealised:
			t.ended(m.TaskId, "realised", "")
		case *events.NetworkRealisationFailed:
			t.ended(m.TaskId, "failed", m.Reason)
		}
	}
}

// processed tells of a message that was decided on then, and what was decided counts now.
func (t *traces) processed(of *messaging.Spans, in events.Trace, atMs int64, about ...attribute.KeyValue) {
	if !messaging.Sampled(in.Parent) {
		return
	}
	ctx := messaging.Extract(context.Background(), in.Parent, in.State)
	_, span := of.Start(ctx, trace.WithTimestamp(time.UnixMilli(atMs)), messaging.LinkTo(trace.SpanContextFromContext(ctx)), trace.WithAttributes(about...))
	end(span, atMs)
}

// begun notes a task.
func (t *traces) begun(m *events.NetworkRealising) {
	if !messaging.Sampled(m.Traceparent) || len(t.tasks) >= maxTasks {
		return
	}
	t.tasks[m.TaskId] = &realising{
		in: events.Trace{Parent: m.Traceparent, State: m.Tracestate}, since: m.AtMs,
		about: []attribute.KeyValue{
			messaging.NetworkSite.String(t.site), messaging.NetworkObject.String(m.Path), messaging.NetworkEntry.Int64(int64(m.Sequence)), messaging.TaskID.String(m.TaskId),
		},
	}
}

// ended tells of a task that has ended, and why it failed, if it did.
func (t *traces) ended(task, outcome, failure string) {
	of := t.tasks[task]
	if of == nil {
		return
	}
	delete(t.tasks, task)
	_, span := t.tracer.Start(messaging.Extract(context.Background(), of.in.Parent, of.in.State), spanRealise,
		trace.WithTimestamp(time.UnixMilli(of.since)), trace.WithAttributes(append(of.about, messaging.NetworkOutcome.String(outcome))...))
	if failure != "" {
		messaging.Fail(span, "REALISATION_FAILED", failure)
	}
	end(span, of.since)
}

// end ends a span now, but never before it began.
func end(span trace.Span, sinceMs int64) {
	now := time.Now()
	if begun := time.UnixMilli(sinceMs); now.Before(begun) {
		now = begun
	}
	span.End(trace.WithTimestamp(now))
}
