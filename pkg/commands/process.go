package commands

import (
	"errors"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/message/router/middleware"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

const scope = "github.com/spanway/spanway/pkg/commands"

var tracer = messaging.Tracer(scope)

// process begins a span for each message, in the trace that its metadata name, and
// puts it into what the handler produces.
func process(h message.HandlerFunc) message.HandlerFunc {
	return func(m *message.Message) ([]*message.Message, error) {
		ctx := messaging.Extract(m.Context(), m.Metadata.Get(events.HeaderTraceparent), m.Metadata.Get(events.HeaderTracestate))
		spans := messaging.Processes(tracer, message.SubscribeTopicFromCtx(ctx))
		ctx, span := spans.Start(ctx, messaging.LinkTo(trace.SpanContextFromContext(ctx)))
		defer span.End()
		if span.IsRecording() {
			span.SetAttributes(about(m)...)
		}
		m.SetContext(ctx)
		produced, err := h(m)
		for _, p := range produced {
			if p.Metadata.Get(events.HeaderTraceparent) == "" {
				propagation.TraceContext{}.Inject(ctx, propagation.MapCarrier(p.Metadata))
			}
		}
		if err != nil && span.IsRecording() {
			messaging.Fail(span, class(err), err.Error())
		}
		return produced, err
	}
}

func about(m *message.Message) []attribute.KeyValue {
	all := []attribute.KeyValue{messaging.MessageID(m.UUID)}
	if id := m.Metadata.Get("correlation_id"); id != "" {
		all = append(all, messaging.Conversation(id))
	}
	if n, ok := watermillkafka.MessagePartitionFromCtx(m.Context()); ok {
		all = append(all, messaging.Partition(n))
	}
	if n, ok := watermillkafka.MessagePartitionOffsetFromCtx(m.Context()); ok {
		all = append(all, messaging.Offset(n))
	}
	return all
}

// class is what error.type says.
func class(err error) string {
	switch {
	case errors.As(err, new(*poisonError)):
		return "POISON"
	case errors.As(err, new(*interruptedError)):
		return "INTERRUPTED"
	case errors.As(err, new(middleware.RecoveredPanicError)):
		return "PANIC"
	}
	return "RETRIES_USED_UP"
}

// correlate gives what a handler produces the correlation ID of what it handled,
// which is the ID of the first message where nobody gave one.
func correlate(h message.HandlerFunc) message.HandlerFunc {
	h = middleware.CorrelationID(h)
	return func(m *message.Message) ([]*message.Message, error) {
		middleware.SetCorrelationID(m.UUID, m)
		return h(m)
	}
}
