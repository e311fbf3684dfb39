package delivery

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/internal/telemetry/tracing"
	"github.com/spanway/spanway/pkg/events"
)

var tracer = messaging.Tracer("github.com/spanway/spanway/services/manager/delivery")

// traced begins a span for each entry that is sent and is in a trace, which the entry names from
// then on: what becomes of it at the site is told under it. sent ends them.
func traced(sends *messaging.Spans, messages []Message) (sent func(err error)) {
	if sends == nil || !tracing.Enabled() {
		return func(error) {}
	}
	var open []trace.Span
	for _, m := range messages {
		e, ok := m.Message.(*events.NetworkEntry)
		if !ok || !messaging.Sampled(e.Traceparent) {
			continue
		}
		ctx, span := sends.Start(messaging.Extract(context.Background(), e.Traceparent, e.Tracestate), trace.WithAttributes(
			messaging.MessageID(m.ID), messaging.NetworkSite.String(e.Site), messaging.NetworkChange.Int64(int64(e.Change)), messaging.NetworkEntry.Int64(int64(e.Sequence))))
		if span.IsRecording() {
			for _, h := range messaging.Inject(ctx) {
				if h.Key == events.HeaderTraceparent {
					e.Traceparent = string(h.Value)
				}
			}
		}
		open = append(open, span)
	}
	return func(err error) {
		for _, span := range open {
			if err != nil {
				messaging.Fail(span, "NOT_SENT", err.Error())
			}
			span.End()
		}
	}
}

// headers carry the trace of an entry.
func (m Message) headers() []events.Header {
	e, ok := m.Message.(*events.NetworkEntry)
	if !ok {
		return nil
	}
	return events.Trace{Parent: e.Traceparent, State: e.Tracestate}.Headers()
}
