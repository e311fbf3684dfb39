package kafka_test

import (
	"context"
	"testing"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// A group of a topic that is not there, or not any more, does not create it.
func TestAGroupCreatesNoTopic(t *testing.T) {
	b, err := embedded.Start(embedded.Config{CreateTopics: true})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
	defer c.Close()
	if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "there", Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	joined, ended := make(chan struct{}), make(chan error, 2)
	for _, topic := range []string{"there", "never"} {
		go func() {
			ended <- c.Join(ctx, "group of "+topic, topic, func(ctx context.Context, _ *kafka.Generation) {
				select {
				case joined <- struct{}{}:
				case <-ctx.Done():
				}
			})
		}()
	}
	defer func() { stop(); <-ended; <-ended }()
	<-joined
	if err := c.DeleteTopics(t.Context(), []string{"there"}); err != nil {
		t.Fatal(err)
	}
	for range 3 { // They join anew as soon as run returns, and the member that assigns asks each time.
		<-joined
	}
	now := kafka.New(kafka.Config{Brokers: []string{b.Addr()}}) // Which has not heard of topics before.
	defer now.Close()
	if all, err := now.Topics(t.Context(), ""); err != nil || len(all) > 0 {
		t.Errorf("there are the topics %v (%v)", all, err)
	}
}
