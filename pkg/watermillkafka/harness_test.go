package watermillkafka_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	connection "github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

// patience bounds every wait for what must come. What is said to take no longer than its bound may
// be late by bounded, on a slow machine: it is less than a request waits for its answer.
const (
	patience = 90 * time.Second
	bounded  = 5 * time.Second
)

// cluster is a broker in memory, and one topic on it.
type cluster struct {
	tb     testing.TB
	addr   string
	client *kafka.Client
	topic  string
}

func newCluster(tb testing.TB, partitions int32) *cluster {
	tb.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return clusterAt(tb, b.Addr(), partitions)
}

func clusterAt(tb testing.TB, addr string, partitions int32) *cluster {
	tb.Helper()
	c := &cluster{tb: tb, addr: addr, topic: "t", client: kafka.New(kafka.Config{Brokers: []string{addr}, RetryBudget: patience})}
	tb.Cleanup(c.client.Close)
	c.create(c.topic, partitions)
	return c
}

func (c *cluster) create(topic string, partitions int32) {
	c.tb.Helper()
	if _, err := c.client.Ensure(context.Background(), []events.TopicSpec{{Name: topic, Partitions: partitions}}); err != nil {
		c.tb.Fatal(err)
	}
}

// through is the cluster by way of a proxy.
func (c *cluster) through(p *proxy) *connection.Cluster {
	c.tb.Helper()
	through, err := connection.Open(connection.Config{Brokers: []string{c.addr}, Dial: p.dial})
	if err != nil {
		c.tb.Fatal(err)
	}
	c.tb.Cleanup(through.Close)
	return through
}

func (c *cluster) publisher(change ...func(*watermillkafka.PublisherConfig)) *watermillkafka.Publisher {
	c.tb.Helper()
	config := watermillkafka.PublisherConfig{Brokers: []string{c.addr}}
	for _, f := range change {
		f(&config)
	}
	p, err := watermillkafka.NewPublisher(config, nil)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.tb.Cleanup(func() { p.Close() })
	return p
}

func (c *cluster) subscriber(change ...func(*watermillkafka.SubscriberConfig)) *watermillkafka.Subscriber {
	c.tb.Helper()
	config := watermillkafka.SubscriberConfig{
		Brokers: []string{c.addr}, ConsumerGroup: "g", CloseTimeout: time.Second, NackResendSleep: time.Millisecond,
	}
	for _, f := range change {
		f(&config)
	}
	s, err := watermillkafka.NewSubscriber(config, nil)
	if err != nil {
		c.tb.Fatal(err)
	}
	c.tb.Cleanup(func() { s.Close() })
	return s
}

func (c *cluster) subscribe(s *watermillkafka.Subscriber) <-chan *message.Message {
	c.tb.Helper()
	messages, err := s.Subscribe(context.Background(), c.topic)
	if err != nil {
		c.tb.Fatal(err)
	}
	return messages
}

// publish publishes messages whose payloads are the numbers from on.
func (c *cluster) publish(from, n int, change ...func(*watermillkafka.PublisherConfig)) {
	c.tb.Helper()
	p := c.publisher(change...)
	defer p.Close()
	if err := p.Publish(c.topic, numbered(from, n)...); err != nil {
		c.tb.Fatal(err)
	}
}

func numbered(from, n int) []*message.Message {
	out := make([]*message.Message, n)
	for i := range out {
		out[i] = message.NewMessage(fmt.Sprint("id-", from+i), fmt.Append(nil, from+i))
	}
	return out
}

// receive waits for the next message.
func receive(tb testing.TB, messages <-chan *message.Message) *message.Message {
	tb.Helper()
	select {
	case m, open := <-messages:
		if !open {
			tb.Fatal("the channel is closed")
		}
		return m
	case <-time.After(patience):
		tb.Fatal("no message comes")
	}
	return nil
}

// expect receives and acknowledges the messages of those numbers, in any order.
func expect(tb testing.TB, messages <-chan *message.Message, from, n int) {
	tb.Helper()
	missing := map[string]bool{}
	for i := range n {
		missing[fmt.Sprint(from+i)] = true
	}
	for len(missing) > 0 {
		m := receive(tb, messages)
		if !missing[string(m.Payload)] {
			tb.Fatalf("%s came, which is none of %d to %d, or came twice", m.Payload, from, from+n-1)
		}
		delete(missing, string(m.Payload))
		m.Ack()
	}
}

// awaitClosed waits for the end of a subscription.
func awaitClosed(tb testing.TB, messages <-chan *message.Message) {
	tb.Helper()
	for timeout := time.After(patience); ; {
		select {
		case _, open := <-messages:
			if !open {
				return
			}
		case <-timeout:
			tb.Fatal("the channel is not closed")
		}
	}
}

// log reads a partition to its end.
func (c *cluster) log(topic string, partition int32) (records []events.Record) {
	c.tb.Helper()
	p := c.client.Partition(topic, partition)
	for from := int64(0); ; {
		page, err := p.Fetch(context.Background(), from, 0)
		if err != nil {
			c.tb.Fatal(err)
		}
		records = append(records, page.Records...)
		if from = page.Next; from >= page.End {
			return records
		}
	}
}

func partitionOf(m *message.Message) int32 {
	partition, _ := watermillkafka.MessagePartitionFromCtx(m.Context())
	return partition
}

func generationOf(m *message.Message) int32 {
	generation, _ := watermillkafka.MessageGenerationFromCtx(m.Context())
	return generation
}

// eventually polls what no event tells of.
func eventually(tb testing.TB, what string, done func() bool) {
	tb.Helper()
	deadline := time.Now().Add(patience)
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		if time.Now().After(deadline) {
			tb.Fatalf("waited %v until %s", patience, what)
		}
		<-tick.C
	}
}
