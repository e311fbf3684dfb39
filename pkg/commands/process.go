package commands

import (
	"context"
	"errors"
	"sync"

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
	var topics sync.Map // of *messaging.Spans
	return func(m *message.Message) ([]*message.Message, error) {
		ctx := messaging.Extract(m.Context(), m.Metadata.Get(events.HeaderTraceparent), m.Metadata.Get(events.HeaderTracestate))
		ctx, span := begin(ctx, spansOf(&topics, message.SubscribeTopicFromCtx(ctx)))
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

// spansOf are those of a topic, made once.
func spansOf(topics *sync.Map, topic string) *messaging.Spans {
	known, ok := topics.Load(topic)
	if !ok {
		spans := messaging.Processes(tracer, topic)
		known, _ = topics.LoadOrStore(topic, &spans)
	}
	return known.(*messaging.Spans)
}

// begin begins a span, with a link if the message was sent in one.
func begin(ctx context.Context, spans *messaging.Spans) (context.Context, trace.Span) {
	if sent := trace.SpanContextFromContext(ctx); sent.IsValid() {
		return spans.Start(ctx, messaging.LinkTo(sent))
	}
	return spans.Start(ctx)
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
