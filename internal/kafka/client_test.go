package kafka_test

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// start runs an embedded broker and a client for it.
func start(tb testing.TB) (*embedded.Broker, *kafka.Client) {
	tb.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
	tb.Cleanup(c.Close)
	return b, c
}

func ensure(tb testing.TB, c *kafka.Client, topic string, partitions int32) {
	tb.Helper()
	if _, err := c.Ensure(tb.Context(), []events.TopicSpec{{Name: topic, Partitions: partitions}}); err != nil {
		tb.Fatal(err)
	}
}
