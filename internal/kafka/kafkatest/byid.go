package kafkatest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// waits is what holds of idle partitions, whatever their topics are asked for by.
func waits(t *testing.T, b Broker) {
	runAll(t, b, []test{
		{"they wait together", idleTogether},
		{"one of them is in error", inError},
		{"one of them is busy and its reader slow", oneBusy},
		{"more comes than one answer holds", noRoom},
		{"one is added while they wait", addedWhileWaiting},
		{"one of their readers gives up", oneGivesUp},
		{"nothing is silent that does not answer", silenceIsCertain},
	})
}

// bothKinds: readers that ask by name and by ID wait at one broker, for the same partitions.
func bothKinds(t *testing.T, b Broker) {
	c, writer := client(t, b), client(t, b)
	byName, at := idlers(t, b, c, 3)
	id := topicID(t, c, topicOf(t))
	var byID []*kafka.Partition
	for i := range int32(3) {
		byID = append(byID, c.Partition(topicOf(t), i).OfTopic(id))
	}
	settle(t, append(byName, byID...), append(at, at...))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	named, proven := begin(ctx, byName, at), begin(ctx, byID, at)
	for i := range int32(3) {
		appended(t, writer.Partition(topicOf(t), i), values("x", 1))
		learns(t, b, "a reader by name", named[i])
		b.byID = true
		learns(t, b, "a reader by ID", proven[i])
		b.byID = false
	}
}

// createdAgain: who reads a topic by its ID reads nothing of another one of the name, whether
// it waits with others, waits alone or asks only then; and is told so.
func createdAgain(t *testing.T, b Broker) {
	c, writer := client(t, b), client(t, b)
	name := topic(t, c, 3, nil)
	id := topicID(t, c, name)
	logs, at := []*kafka.Partition{c.Partition(name, 0).OfTopic(id), c.Partition(name, 1).OfTopic(id)}, []int64{0, 0}
	settle(t, logs[:1], at[:1])
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := begin(ctx, logs, at)
	if err := writer.DeleteTopics(limited(t), []string{name}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the topic is gone", func() bool {
		n, err := c.Partitions(limited(t), name)
		return err == nil && n == 0
	})
	if _, err := writer.Ensure(limited(t), []events.TopicSpec{{Name: name, Partitions: 3}}); err != nil {
		t.Fatal(err)
	}
	for i := range int32(3) {
		appended(t, writer.Partition(name, i), values("of another topic", 10))
	}
	for i, answer := range answers {
		select {
		case r := <-answer:
			gone(t, id, r)
		case <-limited(t).Done():
			t.Fatalf("the reader of partition %d was not told", i)
		}
	}
	for _, p := range []int32{0, 2} {
		page, proven, err := c.Partition(name, p).OfTopic(id).FetchProven(limited(t), 0, time.Second)
		gone(t, id, read{page, proven, err})
	}
	again := topicID(t, c, name)
	page, proven, err := c.Partition(name, 0).OfTopic(again).FetchProven(limited(t), 0, time.Second)
	if err != nil || !proven || len(page.Records) != 10 || again == id {
		t.Fatalf("the topic that is there: %+v, proven: %v, %v", page, proven, err)
	}
}

// gone checks that a reader was told that the topic of an ID is no more.
func gone(t *testing.T, id string, r read) {
	t.Helper()
	var told *kafka.TopicGone
	if !errors.As(r.err, &told) || told.ID != id || len(r.page.Records) > 0 {
		t.Fatalf("a topic that is not there any more: %d records, proven: %v, %v", len(r.page.Records), r.proven, r.err)
	}
}
