// Watermill runs handlers that were written for Watermill, unchanged, in both of
// Spanway's ways: one as the handler of a kind of task, and one in a router that
// reads a topic. README.md has a session to paste.
package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"

	"github.com/ThreeDotsLabs/watermill"
	"golang.org/x/sync/errgroup"

	"github.com/spanway/spanway/pkg/commands"
	"github.com/spanway/spanway/pkg/engine"
	"github.com/spanway/spanway/pkg/engine/messages"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

// shouted is the topic between the two.
const shouted = "shouted"

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	brokers := []string{"127.0.0.1:29092"}
	if b := os.Getenv("SPANWAY_BROKERS"); b != "" {
		brokers = []string{b}
	}
	if err := runOn(ctx, brokers); err != nil {
		slog.Error("the example ended", "error", err)
		os.Exit(1)
	}
}

func runOn(ctx context.Context, brokers []string) (err error) {
	publisher, err := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{Brokers: brokers}, nil)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, publisher.Close()) }()
	subscriber, err := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{
		Brokers: brokers, ConsumerGroup: "greeter",
		InitializeTopic: watermillkafka.TopicDetails{Partitions: 4},
	}, watermill.NewSlogLogger(nil))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, subscriber.Close()) }()
	if err := subscriber.SubscribeInitialize(shouted); err != nil {
		return err
	}

	// A topic's messages: retried, dead-lettered, correlated and traced.
	router, err := commands.NewRouter(commands.Config{DeadLetters: publisher, Retries: 2})
	if err != nil {
		return err
	}
	router.AddConsumerHandler("greet", shouted, subscriber, Greet)

	// Tasks: placed by predicate and capacity, retried and dead-lettered by the scheduler.
	e, err := engine.New(engine.Config{Brokers: brokers, ID: "shouter-1", Labels: map[string]any{"loud": true}})
	if err != nil {
		return err
	}
	e.Handle("shout", messages.Handler(Shout, messages.Config{Publisher: publisher, Topic: shouted}))

	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return router.Run(ctx) })
	both.Go(func() error { return e.Run(ctx) })
	return both.Wait()
}
