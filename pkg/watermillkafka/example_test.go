package watermillkafka_test

import (
	"context"
	"fmt"
	"log/slog"
	"os/signal"
	"syscall"

	"github.com/ThreeDotsLabs/watermill"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/pkg/watermillkafka"
)

func ExampleNewSubscriber() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	subscriber, err := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{
		Brokers:       []string{"127.0.0.1:29092"},
		ConsumerGroup: "invoices",
		Undecodable:   watermillkafka.DeadLetterUndecodable("orders.dead"),
	}, watermill.NewSlogLogger(slog.Default()))
	if err != nil {
		panic(err)
	}
	defer subscriber.Close()
	messages, err := subscriber.Subscribe(ctx, "orders")
	if err != nil {
		panic(err)
	}
	for msg := range messages { // until SIGTERM
		partition, _ := watermillkafka.MessagePartitionFromCtx(msg.Context())
		offset, _ := watermillkafka.MessagePartitionOffsetFromCtx(msg.Context())
		fmt.Printf("%s from %d/%d: %s\n", msg.UUID, partition, offset, msg.Payload)
		msg.Ack() // or Nack, and it comes again
	}
}

func ExampleNewPublisher() {
	publisher, err := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{
		Brokers: []string{"127.0.0.1:29092"},
		PartitionKey: func(_ string, msg *message.Message) (string, error) {
			return msg.Metadata.Get("customer"), nil // whose messages keep their order
		},
	}, nil)
	if err != nil {
		panic(err)
	}
	defer publisher.Close()
	msg := message.NewMessage(watermill.NewUUID(), []byte(`{"total": 12}`))
	msg.Metadata.Set("customer", "c-17")
	if err := publisher.Publish("orders", msg); err != nil {
		fmt.Println(err) // a *PublishError says which messages failed
	}
}
