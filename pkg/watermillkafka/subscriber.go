package watermillkafka

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// Subscriber hands out the messages of topics. Make one with NewSubscriber. It
// is safe for concurrent use.
type Subscriber struct {
	config  SubscriberConfig
	logger  watermill.LoggerAdapter
	client  *kafka.Client // to create topics; a subscription has its own
	stopLag func()

	closing phase // ends when Close begins
	drained phase // ends when Close has waited enough for acknowledgements
	cut     phase // ends when Close has waited enough for answers
	once    sync.Once
	running sync.WaitGroup

	mu      sync.Mutex
	serving map[*worker]struct{}

	grace time.Duration // revokeGrace; tests have another
	// handOutStale is a mutant, for the test that must find it: what was fetched
	// in one generation is handed out in the next.
	handOutStale bool
}

// phase is something that ends once.
type phase struct {
	context.Context
	end context.CancelFunc
}

func newPhase() (p phase) {
	p.Context, p.end = context.WithCancel(context.Background())
	return p
}

var errSubscriberClosed = errors.New("the subscriber is closed")

// NewSubscriber makes a Subscriber; it connects on first use. logger may be nil.
func NewSubscriber(config SubscriberConfig, logger watermill.LoggerAdapter) (*Subscriber, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	config.setDefaults()
	if logger == nil {
		logger = watermill.NopLogger{}
	}
	client, err := connect(config.Brokers, config.Cluster, logger, func(*kafka.Config) {})
	if err != nil {
		return nil, fmt.Errorf("configure a subscriber: %w", err)
	}
	s := &Subscriber{
		config: config, logger: logger, client: client, grace: revokeGrace,
		serving: map[*worker]struct{}{},
		closing: newPhase(), drained: newPhase(), cut: newPhase(),
	}
	s.stopLag = s.observeLag()
	return s, nil
}

// Subscribe hands out the messages of a topic on the returned channel, which is
// closed when ctx ends, Close is called, or the subscription fails (that is
// logged as an error: see OutOfRange and Undecodable). Each message must be
// acknowledged or refused (Nack). Several subscriptions of one group share the
// partitions, within one Subscriber or many. The topic need not exist yet. Only
// where Start is Newest does Subscribe itself ask the cluster.
//
// A message's context has the values of ctx. It ends with the message's
// acknowledgement, with ctx, and with the generation.
func (s *Subscriber) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	sub := s.newSubscription(ctx, topic)
	if s.config.Start == Newest {
		if err := sub.beginAtEnds(ctx); err != nil {
			sub.client.Close()
			return nil, fmt.Errorf("subscribe to topic %s: %w", topic, err)
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Err() != nil {
		sub.client.Close()
		return nil, fmt.Errorf("subscribe to topic %s: %w", topic, errSubscriberClosed)
	}
	s.running.Go(sub.run)
	return sub.out, nil
}

// SubscribeInitialize creates the topic as InitializeTopic says; one that exists
// is left as it is.
func (s *Subscriber) SubscribeInitialize(topic string) error {
	details := s.config.InitializeTopic
	if details.Partitions <= 0 {
		return fmt.Errorf("create topic %s: set InitializeTopic.Partitions to how many partitions it is to have", topic)
	}
	n, err := s.client.Partitions(s.closing, topic)
	if n > 0 || err != nil {
		return err
	}
	_, err = s.client.Ensure(s.closing, []events.TopicSpec{{Name: topic, Partitions: details.Partitions, Config: details.Config}})
	return err
}

// Close ends all subscriptions: it hands out no more, waits for what is handed
// out to be acknowledged, commits, leaves the groups and closes the connections.
// It returns within CloseTimeout, or a moment later: what is not acknowledged by
// then comes again. It may be called more than once, and returns when the first
// call does.
func (s *Subscriber) Close() error {
	s.once.Do(func() {
		s.mu.Lock()
		s.closing.end()
		s.mu.Unlock()
		timeout := s.config.CloseTimeout
		// The rest is for the last commit and for leaving.
		enough := time.AfterFunc(timeout-min(timeout/4, time.Second), s.drained.end)
		cut := time.AfterFunc(timeout, s.cut.end)
		s.running.Wait()
		enough.Stop()
		cut.Stop()
		s.client.Close()
		s.stopLag()
	})
	return nil
}

// Trouble is what is in the way of any subscription now, for more than a second, such as a
// right that is missing; nil if nothing is.
func (s *Subscriber) Trouble() error { return s.client.Board().Err() }

// workers are those of all subscriptions.
func (s *Subscriber) workers() []*worker {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make([]*worker, 0, len(s.serving))
	for w := range s.serving { // in any order: each reports for itself
		out = append(out, w)
	}
	return out
}

// show enters or removes workers among those that are observed.
func (s *Subscriber) show(workers []*worker, serving bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, w := range workers {
		if serving {
			s.serving[w] = struct{}{}
		} else {
			delete(s.serving, w)
		}
	}
}
