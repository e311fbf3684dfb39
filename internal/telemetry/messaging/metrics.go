package messaging

import (
	"context"
	"sync"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.43.0"
	"go.opentelemetry.io/otel/semconv/v1.43.0/messagingconv"

	"github.com/spanway/spanway/internal/telemetry/instruments"
)

// Client measures the operations of a Kafka client. It is safe for concurrent use.
type Client struct {
	duration messagingconv.ClientOperationDuration
	sent     messagingconv.ClientSentMessages
	consumed messagingconv.ClientConsumedMessages
}

// NewClient takes a client's instruments.
func NewClient(m metric.Meter) *Client {
	duration, err := messagingconv.NewClientOperationDuration(m, metric.WithExplicitBucketBoundaries(instruments.ClientDuration.Bounds...))
	note(err)
	sent, err := messagingconv.NewClientSentMessages(m)
	note(err)
	consumed, err := messagingconv.NewClientConsumedMessages(m)
	note(err)
	return &Client{duration, sent, consumed}
}

// note: without an instrument nothing is measured, and everything works.
func note(err error) {
	if err != nil {
		otel.Handle(err)
	}
}

// Log names a partition to metrics. Its zero value is of no use: make it with its
// names; do not copy it.
type Log struct {
	Topic string
	ID    int32

	once       sync.Once
	send, poll attribute.Set
}

func (l *Log) sets() {
	l.once.Do(func() {
		of := func(operation attribute.KeyValue, name string) attribute.Set {
			return attribute.NewSet(semconv.MessagingSystemKafka, operation, semconv.MessagingOperationName(name),
				semconv.MessagingDestinationName(l.Topic), Partition(l.ID))
		}
		l.send = of(semconv.MessagingOperationTypeSend, "send")
		l.poll = of(semconv.MessagingOperationTypeReceive, "poll")
	})
}

// Sent notes that so many messages were sent, or that they were not.
func (c *Client) Sent(ctx context.Context, l *Log, began time.Time, messages int, err error) {
	if !c.duration.Enabled(ctx) {
		return
	}
	l.sets()
	set := failed(l.send, err)
	c.duration.RecordSet(ctx, time.Since(began).Seconds(), set)
	c.sent.AddSet(ctx, int64(messages), set)
}

// Polled notes that so many messages came. The time includes that for which the
// broker had nothing.
func (c *Client) Polled(ctx context.Context, l *Log, began time.Time, messages int, err error) {
	if !c.duration.Enabled(ctx) {
		return
	}
	l.sets()
	set := failed(l.poll, err)
	c.duration.RecordSet(ctx, time.Since(began).Seconds(), set)
	if messages > 0 {
		c.consumed.AddSet(ctx, int64(messages), set)
	}
}

func failed(set attribute.Set, err error) attribute.Set {
	if err == nil {
		return set
	}
	return attribute.NewSet(append(set.ToSlice(), semconv.ErrorType(err))...)
}

// Processing measures how long the messages of one topic take to be processed. It
// is safe for concurrent use.
type Processing struct {
	duration messagingconv.ProcessDuration
	set      attribute.Set
}

// NewProcessing takes the instrument for a topic.
func NewProcessing(m metric.Meter, topic string) *Processing {
	d, err := messagingconv.NewProcessDuration(m, metric.WithExplicitBucketBoundaries(instruments.ProcessDuration.Bounds...))
	note(err)
	return &Processing{d, attribute.NewSet(semconv.MessagingSystemKafka, semconv.MessagingOperationName("process"),
		semconv.MessagingDestinationName(topic))}
}

// Begin is now if anybody measures, else zero, which makes End do nothing.
func (p *Processing) Begin(ctx context.Context) time.Time {
	if !p.duration.Enabled(ctx) {
		return time.Time{}
	}
	return time.Now()
}

// End notes that what began then is processed; class is error.type, or empty.
func (p *Processing) End(ctx context.Context, began time.Time, class string) {
	switch {
	case began.IsZero():
	case class == "":
		p.Took(ctx, time.Since(began))
	default:
		p.duration.RecordSet(ctx, time.Since(began).Seconds(), attribute.NewSet(append(p.set.ToSlice(), semconv.ErrorTypeKey.String(class))...))
	}
}

// Took notes how long messages took that were processed together.
func (p *Processing) Took(ctx context.Context, d time.Duration) {
	p.duration.RecordSet(ctx, d.Seconds(), p.set)
}

// Consumer is the attributes of a consumer's partition; group may be empty.
func Consumer(topic string, partition int32, group string) metric.MeasurementOption {
	all := []attribute.KeyValue{semconv.MessagingSystemKafka, semconv.MessagingDestinationName(topic), Partition(partition)}
	if group != "" {
		all = append(all, Group(group))
	}
	return metric.WithAttributeSet(attribute.NewSet(all...))
}
