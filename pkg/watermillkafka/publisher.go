package watermillkafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/internal/telemetry/messaging"
	"github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
)

// PublisherConfig configures a Publisher. Only Brokers or Cluster must be set.
type PublisherConfig struct {
	// Brokers are the addresses, host:port, of one or more brokers to begin with.
	Brokers []string
	// Cluster is how the brokers are reached, in place of Brokers: over TLS, for
	// example. The Publisher has connections of its own and does not close it.
	Cluster *cluster.Cluster
	// Marshaler makes records of messages; DefaultMarshaler if nil.
	Marshaler Marshaler
	// PartitionKey is the record's key, and decides about its partition as the
	// Java client does (Murmur2). If it is nil, records have the key that the
	// Marshaler gave them, and are spread over the partitions if that is none.
	PartitionKey func(topic string, msg *message.Message) (string, error)
	// PublishTimeout is how long a message is sent again while its outcome is
	// unknown; 30 s if 0. The leader of a partition can be away for ten.
	PublishTimeout time.Duration
	// CloseTimeout bounds Close, which waits that long for messages that are
	// being published; 5 s if 0.
	CloseTimeout time.Duration
}

// Publisher publishes messages to Kafka. Make one with NewPublisher, and one for
// the whole process: what several goroutines publish shares requests. It is safe
// for concurrent use.
type Publisher struct {
	config   PublisherConfig
	client   *kafka.Client
	producer *kafka.Producer
	spread   atomic.Uint32
	topics   sync.Map // of topicSize

	closing context.Context // ends with Close
	close   context.CancelFunc
	once    sync.Once
	closed  error // of Close
}

const defaultPublishTimeout = 30 * time.Second

// NewPublisher makes a Publisher; it connects on first use. logger is told of what is
// tried again for more than a second; it may be nil.
func NewPublisher(config PublisherConfig, logger watermill.LoggerAdapter) (*Publisher, error) {
	if config.PublishTimeout <= 0 {
		config.PublishTimeout = defaultPublishTimeout
	}
	if logger == nil {
		logger = watermill.NopLogger{}
	}
	client, err := connect(config.Brokers, config.Cluster, logger, func(c *kafka.Config) { c.RetryBudget = config.PublishTimeout })
	if err != nil {
		return nil, fmt.Errorf("configure a publisher: %w", err)
	}
	if config.Marshaler == nil {
		config.Marshaler = DefaultMarshaler{}
	}
	if config.CloseTimeout <= 0 {
		config.CloseTimeout = defaultCloseTimeout
	}
	p := &Publisher{config: config, client: client}
	p.producer = p.client.Producer(kafka.ProducerOptions{Gather: true})
	p.closing, p.close = context.WithCancel(context.Background())
	return p, nil
}

// Publish appends the messages, which are sent together, and returns when all of
// them are acknowledged by every replica in sync. Messages of one partition keep
// their order. The error is a *PublishError that says which messages failed, or
// says why nothing could be sent: the topic must exist.
//
// A message whose acknowledgement was lost is sent again by the same number, so
// the log has it once. After PublishTimeout, which is of the whole call, it counts as
// failed; it may be in the log all the same, and publishing it again may double it.
//
// The messages' own contexts do not bound the call: Watermill has messages published
// whose contexts have ended, such as those of messages that were acknowledged.
func (p *Publisher) Publish(topic string, messages ...*message.Message) error {
	return p.PublishContext(context.Background(), topic, messages...)
}

// PublishContext is Publish for as long as ctx lasts. A message that was given up before
// it was sent fails with a *kafka.Unsent, which has a method Unsent: it is certain not to
// be in the log.
func (p *Publisher) PublishContext(ctx context.Context, topic string, messages ...*message.Message) error {
	if p.closing.Err() != nil {
		return fmt.Errorf("publish %d messages to topic %s: %w", len(messages), topic, errPublisherClosed)
	}
	records, err := p.marshal(topic, messages)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, p.config.PublishTimeout)
	defer cancel()
	partitions, err := p.partitions(ctx, topic)
	if err != nil {
		return fmt.Errorf("publish %d messages: %w; does the topic exist?", len(messages), err)
	}
	b := &publication{topic: topic, messages: messages}
	b.waiting.Add(len(records))
	keyless := p.keyless(len(records), partitions)
	for i := range records {
		partition := keyless
		if key := records[i].Key; key != nil {
			partition = events.PartitionOfBytes(key, partitions)
		}
		p.producer.Send(ctx, topic, partition, records[i], func(_ int64, err error) { b.settle(i, err) })
	}
	b.waiting.Wait()
	return b.err()
}

var errPublisherClosed = errors.New("the publisher is closed")

// stay is how many records without a key go to one partition before it is the
// turn of the next: enough for those of several goroutines to share a request.
const stay = 64

// keyless is the partition for the records of one call that have no key. They
// stay together, so that they are one batch and keep their order.
func (p *Publisher) keyless(records int, partitions int32) int32 {
	return int32(p.spread.Add(uint32(records)) / stay % uint32(partitions))
}

// topicSize is how many partitions a topic has, as of a moment ago.
type topicSize struct {
	partitions int32
	seen       time.Time
}

// partitions is how many the topic has. Looking at the client's copy of the
// cluster's metadata takes longer than the rest of Publish, so it is remembered.
func (p *Publisher) partitions(ctx context.Context, topic string) (int32, error) {
	const moment = time.Second
	if known, ok := p.topics.Load(topic); ok && time.Since(known.(topicSize).seen) < moment {
		return known.(topicSize).partitions, nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(p.closing, cancel)()
	n, err := p.client.AwaitTopic(ctx, topic)
	if err == nil {
		p.topics.Store(topic, topicSize{n, time.Now()})
	}
	return n, err
}

func (p *Publisher) marshal(topic string, messages []*message.Message) ([]events.Record, error) {
	now := time.Now().UnixMilli()
	records := make([]events.Record, len(messages))
	for i, msg := range messages {
		record, err := p.config.Marshaler.Marshal(topic, msg)
		if err == nil && p.config.PartitionKey != nil {
			var key string
			key, err = p.config.PartitionKey(topic, msg)
			record.Key = []byte(key)
		}
		if err != nil {
			return nil, &PublishError{Topic: topic, Failed: []FailedMessage{{Index: i, UUID: msg.UUID, Err: fmt.Errorf("marshal: %w", err)}}, Unsent: true}
		}
		record.Timestamp = now
		carryTrace(&record, msg)
		records[i] = record
	}
	return records, nil
}

// carryTrace lets whoever handles the message go on in the trace that its context
// is in. What the message says itself has precedence.
func carryTrace(record *events.Record, msg *message.Message) {
	if _, traced := record.Header(events.HeaderTraceparent); !traced {
		record.Headers = append(record.Headers, messaging.Inject(msg.Context())...)
	}
}

// Close takes no more messages, waits for those that are being published, at
// most for CloseTimeout, and closes the connections. It may be called more than
// once.
func (p *Publisher) Close() error {
	p.once.Do(func() {
		p.close()
		ctx, cancel := context.WithTimeout(context.Background(), p.config.CloseTimeout)
		defer cancel()
		if err := p.producer.Close(ctx); err != nil {
			p.closed = fmt.Errorf("close the publisher: %w", err)
		}
		p.client.Close()
	})
	return p.closed
}
