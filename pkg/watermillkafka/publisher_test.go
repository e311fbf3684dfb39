package watermillkafka_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

func byPayload(config *watermillkafka.PublisherConfig) {
	config.PartitionKey = func(_ string, m *message.Message) (string, error) { return string(m.Payload), nil }
}

// Keys go where the Java client puts them, in the order they were published.
func TestKeysDecideThePartition(t *testing.T) {
	c := newCluster(t, 4)
	c.publish(0, 200, byPayload)
	total := 0
	for partition := range int32(4) {
		last := -1
		for _, r := range c.log(c.topic, partition) {
			total++
			var n int
			fmt.Sscan(string(r.Value), &n)
			if events.Partition(string(r.Key), 4) != partition || string(r.Key) != string(r.Value) || n <= last {
				t.Errorf("partition %d has key %q with value %q after %d", partition, r.Key, r.Value, last)
			}
			last = n
		}
	}
	if total != 200 {
		t.Errorf("%d records", total)
	}
}

// Without keys every partition has its share.
func TestWithoutKeysMessagesAreSpread(t *testing.T) {
	c := newCluster(t, 4)
	p := c.publisher()
	for i := range 1024 {
		if err := p.Publish(c.topic, numbered(i, 1)...); err != nil {
			t.Fatal(err)
		}
	}
	for partition := range int32(4) {
		if n := len(c.log(c.topic, partition)); n < 128 {
			t.Errorf("partition %d has %d of 1024 records", partition, n)
		}
	}
}

// The error names exactly the messages that are not in the log.
func TestPublishErrorNamesTheMessages(t *testing.T) {
	c := newCluster(t, 1)
	p := c.publisher()
	messages := numbered(0, 6)
	for _, i := range []int{1, 4} {
		messages[i].Payload = []byte(strings.Repeat("x", 3<<20)) // more than the topic takes
	}
	err := p.Publish(c.topic, messages...)
	var failed *watermillkafka.PublishError
	if !errors.As(err, &failed) || failed.Unsent || len(failed.Failed) != 2 || failed.Failed[0].Index != 1 || failed.Failed[1].UUID != "id-4" {
		t.Fatalf("%v", err)
	}
	var refused interface{ Refused() bool }
	if !errors.As(err, &refused) {
		t.Errorf("%v does not say that the broker refuses it", err)
	}
	var left []string
	for _, r := range c.log(c.topic, 0) {
		left = append(left, string(r.Value))
	}
	if fmt.Sprint(left) != "[0 2 3 5]" {
		t.Errorf("in the log: %v", left)
	}
}

func TestReservedMetadataIsRefused(t *testing.T) {
	c := newCluster(t, 1)
	messages := numbered(0, 2)
	messages[1].Metadata.Set(watermillkafka.UUIDHeaderKey, "mine")
	err := c.publisher().Publish(c.topic, messages...)
	var failed *watermillkafka.PublishError
	if !errors.As(err, &failed) || !failed.Unsent || failed.Failed[0].Index != 1 || !strings.Contains(err.Error(), "reserved") {
		t.Fatalf("%v", err)
	}
	if records := c.log(c.topic, 0); len(records) != 0 {
		t.Errorf("%d records were sent", len(records))
	}
}

func TestPublishToNoTopic(t *testing.T) {
	c := newCluster(t, 1)
	p := c.publisher(func(config *watermillkafka.PublisherConfig) { config.PublishTimeout = 300 * time.Millisecond })
	if err := p.Publish("nowhere", numbered(0, 1)...); err == nil || !strings.Contains(err.Error(), "nowhere") {
		t.Fatal(err)
	}
}

// Close is bounded when the broker is gone, and what it cut off has failed.
func TestPublisherCloseIsBounded(t *testing.T) {
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	c := clusterAt(t, b.Addr(), 1)
	const bound = 300 * time.Millisecond
	p := c.publisher(func(config *watermillkafka.PublisherConfig) { config.CloseTimeout = bound })
	if err := p.Publish(c.topic, numbered(0, 1)...); err != nil {
		t.Fatal(err)
	}
	b.Close()
	published := make(chan error)
	go func() { published <- p.Publish(c.topic, numbered(1, 1)...) }()
	<-time.After(bound) // until it is under way
	begun := time.Now()
	if err := p.Close(); err == nil {
		t.Error("Close cut a message off and said nothing")
	}
	if d := time.Since(begun); d > bound+bounded {
		t.Errorf("Close took %v", d)
	}
	if err := <-published; err == nil {
		t.Error("a message that was cut off counts as published")
	}
	if err := p.Publish(c.topic, numbered(2, 1)...); err == nil || !strings.Contains(err.Error(), "closed") {
		t.Error(err)
	}
	p.Close()
}
