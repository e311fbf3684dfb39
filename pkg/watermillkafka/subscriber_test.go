package watermillkafka_test

import (
	"bytes"
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/pkg/watermillkafka"
)

func inFlight(n int) func(*watermillkafka.SubscriberConfig) {
	return func(config *watermillkafka.SubscriberConfig) { config.InFlight = n }
}

// What is committed is the acknowledged prefix: a message that was acknowledged
// out of turn comes again together with those before it.
func TestCommitsTheAcknowledgedPrefix(t *testing.T) {
	c := newCluster(t, 1)
	c.publish(0, 6)
	s := c.subscriber(inFlight(4))
	messages := c.subscribe(s)
	var got []*message.Message
	for range 4 {
		got = append(got, receive(t, messages))
	}
	for _, i := range []int{0, 1, 3} {
		got[i].Ack()
	}
	s.Close()
	awaitClosed(t, messages)
	expect(t, c.subscribe(c.subscriber()), 2, 4)
}

// No more than InFlight messages of a partition are handed out at a time.
func TestInFlight(t *testing.T) {
	c := newCluster(t, 1)
	c.publish(0, 5)
	messages := c.subscribe(c.subscriber(inFlight(2)))
	first, second := receive(t, messages), receive(t, messages)
	select {
	case m := <-messages:
		t.Fatalf("%s came with two in flight", m.Payload)
	case <-time.After(50 * time.Millisecond):
	}
	second.Ack()
	third := receive(t, messages)
	if string(first.Payload)+string(second.Payload)+string(third.Payload) != "012" {
		t.Errorf("%s, %s, %s came", first.Payload, second.Payload, third.Payload)
	}
}

// Of equal keys one message is handed out at a time, however many are in flight; a hook
// tells what is committed.
func TestEqualKeysAreInOrder(t *testing.T) {
	c := newCluster(t, 1)
	c.publish(0, 2, func(config *watermillkafka.PublisherConfig) {
		config.PartitionKey = func(string, *message.Message) (string, error) { return "one", nil }
	})
	committed := make(chan int64, 100)
	messages := c.subscribe(c.subscriber(inFlight(5), func(config *watermillkafka.SubscriberConfig) {
		config.Hooks.Committed = func(_ string, _ int32, offset int64) { committed <- offset }
	}))
	first := receive(t, messages)
	select {
	case m := <-messages:
		t.Fatalf("%s came while one of its key was in flight", m.Payload)
	case <-time.After(50 * time.Millisecond):
	}
	first.Nack()
	again := receive(t, messages)
	again.Ack()
	second := receive(t, messages)
	second.Ack()
	if string(first.Payload)+string(again.Payload)+string(second.Payload) != "001" {
		t.Errorf("%s, %s, %s came", first.Payload, again.Payload, second.Payload)
	}
	for offset := int64(0); offset < 2; {
		select {
		case offset = <-committed:
		case <-time.After(patience):
			t.Fatal("nothing more is committed")
		}
	}
}

// A message that is refused comes again, after the pause and before the next of
// its partition; other partitions do not wait.
func TestNackHoldsItsPartitionOnly(t *testing.T) {
	c := newCluster(t, 2)
	c.publish(0, 40, byPayload)
	const sleep = 20 * time.Millisecond
	messages := c.subscribe(c.subscriber(func(config *watermillkafka.SubscriberConfig) { config.NackResendSleep = sleep }))
	stuck := receive(t, messages)
	refused, at := time.Now(), partitionOf(stuck)
	others := 0
	for _, r := range c.log(c.topic, 1-at) {
		_ = r
		others++
	}
	stuck.Nack()
	for times := 0; times < 3 || others > 0; {
		m := receive(t, messages)
		if partitionOf(m) != at {
			others--
			m.Ack()
			continue
		}
		if string(m.Payload) != string(stuck.Payload) {
			t.Fatalf("%s overtook %s", m.Payload, stuck.Payload)
		}
		if d := time.Since(refused); d < sleep {
			t.Errorf("it came again after %v", d)
		}
		times++
		refused = time.Now()
		m.Nack()
	}
}

// What is handed out when Close begins may still be acknowledged, and is
// committed then.
func TestCloseDrains(t *testing.T) {
	c := newCluster(t, 1)
	c.publish(0, 2)
	s := c.subscriber(func(config *watermillkafka.SubscriberConfig) { config.CloseTimeout = patience })
	messages := c.subscribe(s)
	m := receive(t, messages)
	closed := make(chan struct{})
	go func() {
		defer close(closed)
		s.Close()
	}()
	select {
	case <-m.Context().Done():
		t.Fatal("the context ended while Close should wait")
	case <-closed:
		t.Fatal("Close did not wait")
	case <-time.After(1500 * time.Millisecond): // longer than a rebalance would wait
	}
	m.Ack()
	<-closed
	awaitClosed(t, messages)
	expect(t, c.subscribe(c.subscriber()), 1, 1)
}

// Close does not wait for ever for what is not acknowledged.
func TestSubscriberCloseIsBounded(t *testing.T) {
	c := newCluster(t, 1)
	c.publish(0, 2)
	const bound = 400 * time.Millisecond
	s := c.subscriber(func(config *watermillkafka.SubscriberConfig) { config.CloseTimeout = bound })
	m := receive(t, c.subscribe(s))
	begun := time.Now()
	s.Close()
	if d := time.Since(begun); d > bound+bounded {
		t.Errorf("Close took %v", d)
	}
	<-m.Context().Done()
	m.Ack() // too late
	s.Close()
	if _, err := s.Subscribe(context.Background(), c.topic); err == nil {
		t.Error("a closed subscriber takes subscriptions")
	}
	expect(t, c.subscribe(c.subscriber()), 0, 2)
}

func TestContext(t *testing.T) {
	type key struct{}
	c := newCluster(t, 4)
	begun := time.Now().Add(-time.Second)
	c.publish(7, 1, byPayload)
	messages, err := c.subscriber().Subscribe(context.WithValue(context.Background(), key{}, "mine"), c.topic)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 { // the second time after a Nack
		m := receive(t, messages)
		ctx := m.Context()
		partition, ok1 := watermillkafka.MessagePartitionFromCtx(ctx)
		offset, ok2 := watermillkafka.MessagePartitionOffsetFromCtx(ctx)
		at, ok3 := watermillkafka.MessageTimestampFromCtx(ctx)
		k, ok4 := watermillkafka.MessageKeyFromCtx(ctx)
		generation, ok5 := watermillkafka.MessageGenerationFromCtx(ctx)
		record, ok6 := watermillkafka.MessageRecordFromCtx(ctx)
		if !ok6 || record.Offset != offset || !bytes.Equal(record.Value, m.Payload) {
			t.Errorf("it was made of the record %+v", record)
		}
		if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || offset != 0 || string(k) != "7" || generation <= 0 ||
			at.Before(begun) || at.After(time.Now()) || len(c.log(c.topic, partition)) != 1 || ctx.Value(key{}) != "mine" {
			t.Errorf("partition %d, offset %d, time %v, key %q, generation %d, value %v", partition, offset, at, k, generation, ctx.Value(key{}))
		}
		m.Nack()
	}
}

// Newest without a group begins at the end as of Subscribe; with one, what came
// between two members is not missed.
func TestStartAtNewest(t *testing.T) {
	for _, group := range []string{"", "g"} {
		t.Run("group "+group, func(t *testing.T) {
			c := newCluster(t, 1)
			c.publish(0, 3)
			assigned := make(chan struct{}, 9)
			config := func(config *watermillkafka.SubscriberConfig) {
				config.ConsumerGroup, config.Start = group, watermillkafka.Newest
				config.Hooks.Assigned = func(string, []int32) { assigned <- struct{}{} }
			}
			s := c.subscriber(config)
			messages := c.subscribe(s)
			if group == "" {
				c.publish(3, 2)
				expect(t, messages, 3, 2)
				return
			}
			<-assigned
			awaitCommitted(t, c, group, 3)
			s.Close()
			c.publish(3, 2) // while nobody is there
			expect(t, c.subscribe(c.subscriber(config)), 3, 2)
		})
	}
}

// awaitCommitted waits until a group has committed an offset for partition 0.
func awaitCommitted(t *testing.T, c *cluster, group string, offset int64) {
	t.Helper()
	eventually(t, fmt.Sprintf("offset %d is committed", offset), func() bool { return committed(t, c, group) == offset })
}

// A subscription to a topic that does not exist yet finds it, and finds what is
// added to it; nothing in a new partition is missed.
func TestNewPartitionsAreFound(t *testing.T) {
	for _, group := range []string{"", "g"} {
		t.Run("group "+group, func(t *testing.T) {
			c := newCluster(t, 1)
			c.topic = "late"
			messages := c.subscribe(c.subscriber(func(config *watermillkafka.SubscriberConfig) {
				config.ConsumerGroup, config.Start = group, watermillkafka.Newest
			}))
			c.create(c.topic, 2)
			c.publish(0, 20, byPayload)
			expect(t, messages, 0, 20)
			addPartitions(t, c, 6)
			c.publish(20, 40, byPayload)
			expect(t, messages, 20, 40)
		})
	}
}

func TestSubscribeInitialize(t *testing.T) {
	c := newCluster(t, 1)
	s := c.subscriber(func(config *watermillkafka.SubscriberConfig) { config.InitializeTopic.Partitions = 3 })
	for range 2 {
		if err := s.SubscribeInitialize("made"); err != nil {
			t.Fatal(err)
		}
	}
	if n, err := c.client.AwaitTopic(t.Context(), "made"); err != nil || n != 3 {
		t.Error(n, err)
	}
	if err := s.SubscribeInitialize(c.topic); err != nil { // which has another number of partitions
		t.Error(err)
	}
	if err := c.subscriber().SubscribeInitialize("more"); err == nil {
		t.Error("a topic was created without a number of partitions")
	}
}

func TestConfigIsChecked(t *testing.T) {
	for i, config := range []watermillkafka.SubscriberConfig{{}, {Brokers: []string{"x:1"}, InFlight: -1}, {Brokers: []string{"x:1"}, CloseTimeout: -1}} {
		if _, err := watermillkafka.NewSubscriber(config, nil); err == nil {
			t.Errorf("configuration %d is taken", i)
		}
	}
	if _, err := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{}, nil); err == nil {
		t.Error("a publisher without brokers is made")
	}
}
