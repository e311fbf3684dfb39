package kafka

import (
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"

	"github.com/spanway/spanway/pkg/events"
)

// testTopicID is what every broker must tell of the IDs of topics.
func testTopicID(t *testing.T, addr string) {
	t.Run("a topic that is created again has another ID", func(t *testing.T) {
		c := New(Config{Brokers: []string{addr}, RetryBudget: 20 * time.Second})
		defer c.Close()
		var seen []string
		for range 3 {
			if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: "reborn", Partitions: 2}, {Name: "other", Partitions: 1}}); err != nil {
				t.Fatal(err)
			}
			first, err := c.TopicID(t.Context(), "reborn", 0)
			second, err2 := c.TopicID(t.Context(), "reborn", 1)
			if err := errors.Join(err, err2); err != nil || len(first) != 22 || first != second || slices.Contains(seen, first) {
				t.Fatalf("%q and %q, behind %q: %v", first, second, seen, err)
			}
			both, err := c.TopicIDs(t.Context(), []string{"reborn", "other", "none"})
			if other, err2 := c.TopicID(t.Context(), "other", 0); errors.Join(err, err2) != nil || !maps.Equal(both, map[string]string{"reborn": first, "other": other}) {
				t.Fatalf("of both together it tells %v, want %q and %q: %v", both, first, other, errors.Join(err, err2))
			}
			seen = append(seen, first)
			if err := c.DeleteTopics(t.Context(), []string{"reborn"}); err != nil {
				t.Fatal(err)
			}
			awaitGone(t, c, "reborn")
		}
		if other, err := c.TopicID(t.Context(), "other", 0); err != nil || slices.Contains(seen, other) {
			t.Errorf("%q, %v", other, err)
		}
	})
}

func awaitGone(t *testing.T, c *Client, topic string) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.Now().Add(time.Minute); ; <-tick.C {
		if n, err := c.Partitions(t.Context(), topic); err != nil || n == 0 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%s is still there", topic)
		}
	}
}

// An answer that is cut short, or lies, gives an error and reads nothing else.
func TestAnswersAboutTopicIDsThatAreCutShort(t *testing.T) {
	whole := told{
		0,          // tags
		0, 0, 0, 0, // throttled
		2, 0, 0, 0, 1, 2, 'h', 0, 0, 0, 9, 0, 0, // a broker
		3, 'i', 'd', 0, 0, 0, 1, // the cluster, its controller
		2, 0, 0, 2, 't', // the topic
		1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16,
	}
	if r, err := readTopicID(whole); err != nil || r.id != "AQIDBAUGBwgJCgsMDQ4PEA" {
		t.Fatalf("%+v, %v", r, err)
	}
	for n := range whole {
		if r, err := readTopicID(whole[:n]); err == nil {
			t.Errorf("%d of %d bytes: %+v", n, len(whole), r)
		}
	}
	two := slices.Concat(whole[:len(whole)-21], told{3, 0, 0, 2, 't'}, whole[len(whole)-16:], told{
		0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 7, 2, 0, 0, 0, 1, 2, 0, 0, 0, 1, 1, 0, // not internal, a partition
		0, 0, 0, 0, 0, // rights
		0, 3, 2, 'u', 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, // one that is not there
	})
	if r, err := readTopicIDs(two); err != nil || !maps.Equal(r.ids, map[string]string{"t": "AQIDBAUGBwgJCgsMDQ4PEA"}) {
		t.Fatalf("%+v, %v", r, err)
	}
	for n := len(whole) - 21 + 1; n < len(two); n++ {
		if r, err := readTopicIDs(two[:n]); err == nil {
			t.Errorf("%d of %d bytes: %+v", n, len(two), r)
		}
	}
	if v := greatestVersion(told{0, 0, 0, 0, 0, 2, 0, 1, 0, 4, 0, 11, 0, 3, 0, 0, 0, 12}, protocol.Metadata); v != 12 {
		t.Errorf("version %d", v)
	}
	if v := greatestVersion(told{0, 35, 0, 0, 0, 0}, protocol.Metadata); v != -1 {
		t.Errorf("version %d", v)
	}
	if err := failure("ask", 3); !errors.Is(err, kafkago.UnknownTopicOrPartition) {
		t.Error(err)
	}
}
