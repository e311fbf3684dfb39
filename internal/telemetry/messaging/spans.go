package messaging

import (
	"context"
	"slices"
	"strconv"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/trace"

	"github.com/spanway/spanway/internal/telemetry/tracing"
)

// MaxLinks bounds the links of the span of a batch.
const MaxLinks = 32

// Attributes of Spanway's own, on spans of tasks.
const (
	TaskID      = attribute.Key("spanway.task.id")
	TaskPool    = attribute.Key("spanway.task.pool")
	TaskKind    = attribute.Key("spanway.task.kind")
	TaskAttempt = attribute.Key("spanway.task.attempt")
	TaskToken   = attribute.Key("spanway.task.token")
	// TaskOutcome is what became of a request or of an attempt: an event's name,
	// such as accepted, succeeded or attempt_failed.
	TaskOutcome = attribute.Key("spanway.task.outcome")
	// WaitCause is why a task waits: accepted, or what ended the attempt before.
	WaitCause = attribute.Key("spanway.task.wait.cause")
	EngineID  = attribute.Key("spanway.engine.id")
)

// Attributes of Spanway's own, on spans of logical networks.
const (
	NetworkChange  = attribute.Key("spanway.network.change")
	NetworkSite    = attribute.Key("spanway.network.site")
	NetworkEntry   = attribute.Key("spanway.network.entry")
	NetworkObject  = attribute.Key("spanway.network.object")
	NetworkOutcome = attribute.Key("spanway.network.outcome")
)

// Tracer is a tracer of this version of the conventions, which costs nothing where
// nobody traces.
func Tracer(scope string) trace.Tracer {
	return tracing.Tracer(scope, trace.WithSchemaURL(semconv.SchemaURL))
}

// Spans begins the spans of one operation on the messages of one topic. It is
// immutable and safe for concurrent use.
type Spans struct {
	tracer trace.Tracer
	name   string
	always []trace.SpanStartOption
}

// Sends are the spans of sending single messages to a topic.
func Sends(t trace.Tracer, topic string) Spans {
	return spans(t, trace.SpanKindProducer, semconv.MessagingOperationTypeSend, topic)
}

// Processes are the spans of processing single messages of a topic.
func Processes(t trace.Tracer, topic string) Spans {
	return spans(t, trace.SpanKindConsumer, semconv.MessagingOperationTypeProcess, topic)
}

// Polls are the spans of reading single messages from a topic.
func Polls(t trace.Tracer, topic string) Spans {
	return named(t, trace.SpanKindClient, semconv.MessagingOperationTypeReceive, "poll", topic)
}

func spans(t trace.Tracer, kind trace.SpanKind, operation attribute.KeyValue, topic string) Spans {
	return named(t, kind, operation, operation.Value.AsString(), topic)
}

func named(t trace.Tracer, kind trace.SpanKind, operation attribute.KeyValue, name, topic string) Spans {
	return Spans{t, name + " " + topic, []trace.SpanStartOption{
		trace.WithSpanKind(kind),
		trace.WithAttributes(semconv.MessagingSystemKafka, operation,
			semconv.MessagingOperationName(name), semconv.MessagingDestinationName(topic)),
	}}
}

// Start begins a span as a child of the one in ctx.
func (s *Spans) Start(ctx context.Context, more ...trace.SpanStartOption) (context.Context, trace.Span) {
	if len(more) == 0 {
		return s.tracer.Start(ctx, s.name, s.always...)
	}
	return s.tracer.Start(ctx, s.name, append(slices.Clip(s.always), more...)...)
}

// LinkTo links to the span in which a message was sent, if there is one.
func LinkTo(sent trace.SpanContext) trace.SpanStartOption {
	if !sent.IsValid() {
		return trace.WithLinks()
	}
	return trace.WithLinks(trace.Link{SpanContext: sent})
}

// Partition, Offset, MessageID and Conversation say which message a span is about;
// BatchSize, how many. The conversation is the task.
func Partition(n int32) attribute.KeyValue {
	return semconv.MessagingDestinationPartitionID(strconv.Itoa(int(n)))
}

// Offset is the message's place in its partition.
func Offset(n int64) attribute.KeyValue { return semconv.MessagingKafkaOffset(int(n)) }

// MessageID is the message's ce_id.
func MessageID(id string) attribute.KeyValue { return semconv.MessagingMessageID(id) }

// Conversation is what all messages of one task have in common.
func Conversation(task string) attribute.KeyValue {
	return semconv.MessagingMessageConversationID(task)
}

// Group is the consumer group.
func Group(name string) attribute.KeyValue { return semconv.MessagingConsumerGroupName(name) }

// BatchSize is how many messages one operation is about.
func BatchSize(n int) attribute.KeyValue { return semconv.MessagingBatchMessageCount(n) }

// Fail marks a span as failed: class is a code of wire.md or of a handler.
func Fail(span trace.Span, class, message string) {
	span.SetAttributes(semconv.ErrorTypeKey.String(class))
	span.SetStatus(codes.Error, message)
}

// Sent ends the span of a message that was sent: where it stands, or why it does not.
func Sent(span trace.Span, offset int64, err error) {
	if span.IsRecording() {
		if err != nil {
			Fail(span, semconv.ErrorType(err).Value.AsString(), err.Error())
		} else {
			span.SetAttributes(Offset(offset))
		}
	}
	span.End()
}
