//go:build !race

package watermillkafka_test

import (
	"context"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"

	"github.com/spanway/spanway/internal/apache"
)

// The suite's own test of reconnecting has a data race (it appends to and reads
// publishedMessages in two goroutines), so it runs without the race detector.

func TestWatermillReconnect(t *testing.T) { reconnect(t, embeddedBroker(t)) }

func TestWatermillReconnectOnApacheKafka(t *testing.T) {
	for _, version := range []string{apache.Latest, apache.Older} {
		t.Run(version, func(t *testing.T) { reconnect(t, apacheBroker(t, version)) })
	}
}

func reconnect(t *testing.T, b broker) {
	p := pubSub{addr: b.addr}
	tests.TestReconnect(t, tests.TestContext{TestID: tests.NewTestID(), Features: tests.Features{
		Persistent: true, RestartServiceCommand: onRestart(t, b.restart),
	}}, func(t *testing.T) (message.Publisher, message.Subscriber) {
		pub, sub := p.create(t)
		return pub, &lastHeldBack{Subscriber: sub, initialize: sub.(message.SubscribeInitializer)}
	})
}

// lastHeldBack hands the last message of the suite's test out a moment later.
// The test compares what it received with what it knows to have published, and
// it writes that down only after Publish has returned: it would fail when the
// last message is faster than its own goroutine.
type lastHeldBack struct {
	message.Subscriber
	initialize message.SubscribeInitializer
}

func (s *lastHeldBack) SubscribeInitialize(topic string) error {
	return s.initialize.SubscribeInitialize(topic)
}

func (s *lastHeldBack) Subscribe(ctx context.Context, topic string) (<-chan *message.Message, error) {
	const published, moment = 10_000, 500 * time.Millisecond
	in, err := s.Subscriber.Subscribe(ctx, topic)
	if err != nil {
		return nil, err
	}
	out := make(chan *message.Message)
	seen := map[string]bool{}
	go func() {
		defer close(out)
		for msg := range in {
			seen[msg.UUID] = true
			if len(seen) == published {
				<-time.After(moment)
			}
			out <- msg
		}
	}()
	return out, nil
}
