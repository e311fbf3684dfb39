package main

import (
	"context"
	"log/slog"
	"testing"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/run"
	"github.com/spanway/spanway/pkg/client"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// A task's handler, what it produces, the router that reads it, and what that
// cannot handle: the whole example on a system in memory.
func TestTheExample(t *testing.T) {
	s, err := run.Start(t.Context(), run.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- runOn(ctx, s.Brokers()) }()
	defer func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("the example ends with %v", err)
		}
	}()
	c, err := client.New(client.Config{Brokers: s.Brokers()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close(context.Background()) }()
	for _, word := range []string{"world", "goodbye"} {
		if _, err := c.Do(t.Context(), client.Task{Kind: "shout", Payload: []byte(word), Predicate: "engine.labels.loud == true"}); err != nil {
			t.Fatalf("task %q: %v", word, err)
		}
	}
	dead := first(t, s.Brokers(), "spanway.deadletter")
	if string(dead.Payload) != "GOODBYE" || dead.Metadata.Get(watermillkafka.PoisonedTopic) != shouted {
		t.Errorf("the dead letter is %q with %v", dead.Payload, dead.Metadata)
	}
}

func first(t *testing.T, brokers []string, topic string) *message.Message {
	t.Helper()
	sub, err := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{Brokers: brokers}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	all, err := sub.Subscribe(t.Context(), topic)
	if err != nil {
		t.Fatal(err)
	}
	m := <-all
	m.Ack()
	return m
}
