package kafkatest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

func alterTopics(t *testing.T, b Broker) {
	c, ctx := client(t, b), limited(t)
	const name = "alter"
	spec := events.TopicSpec{Name: name, Partitions: 1, Config: map[string]string{"cleanup.policy": "compact", "max.message.bytes": "5000"}}
	for range 2 { // The second time it is there.
		if err := c.Create(ctx, spec); err != nil {
			t.Fatal(err)
		}
	}
	info := describedWith(t, c, name, 1)
	if again, err := c.Describe(ctx); err != nil || info.ID == "" || again.ID != info.ID {
		t.Errorf("the cluster is %q and then %q, %v", info.ID, again.ID, err)
	}
	if err := c.Set(ctx, name, map[string]string{"max.message.bytes": "6000", "segment.ms": "70000"}); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"cleanup.policy": "compact", "max.message.bytes": "6000", "segment.ms": "70000"}
	eventually(t, "the settings are as they were set", func() bool { // A broker takes them from the controller's log a moment later.
		settings, err := c.Settings(ctx, []string{name, "no-such-topic"})
		if err != nil || len(settings) != 1 {
			t.Fatal(settings, err)
		}
		for setting, value := range want {
			if settings[name][setting] != value {
				return false
			}
		}
		return true
	})
	for _, n := range []int32{3, 3, 2} { // It has them already.
		if err := c.Grow(ctx, name, n); err != nil {
			t.Fatal(err)
		}
	}
	describedWith(t, c, name, 3)
	appended(t, c.Partition(name, 2), []events.Record{{Key: []byte("k"), Value: []byte("v"), Timestamp: time.Now().UnixMilli()}})
	refusals(t, b, c, name)
	createTogether(t, b, c, name)
}

// createTogether: of topics that one request creates one may be there, and one may be refused.
func createTogether(t *testing.T, b Broker, c *kafka.Client, there string) {
	t.Helper()
	ctx := limited(t)
	specs := []events.TopicSpec{{Name: "together-1", Partitions: 1}, {Name: there, Partitions: 1}, {Name: "together-2", Partitions: 2}}
	refused := 0
	if b.ChecksTopics {
		specs, refused = append(specs, events.TopicSpec{Name: "bad", Partitions: 1, Config: map[string]string{"cleanup.policy": "sometimes"}}), 1
	}
	failed, err := c.CreateAll(ctx, specs)
	if err != nil || len(failed) != refused || refused > 0 && failed["bad"] == nil {
		t.Errorf("failed are %v, %v", failed, err)
	}
	describedWith(t, c, "together-1", 1)
	describedWith(t, c, "together-2", 2)
	describedWith(t, c, there, 3)
}

// refusals: what a cluster does not take is told at once.
func refusals(t *testing.T, b Broker, c *kafka.Client, name string) {
	t.Helper()
	ctx := limited(t)
	all := map[string]error{"no partitions": c.Grow(ctx, name, 0)}
	if b.ChecksTopics {
		all["a bad setting"] = c.Set(ctx, name, map[string]string{"cleanup.policy": "sometimes"})
		all["a bad setting of a new one"] = c.Create(ctx, events.TopicSpec{Name: "bad", Partitions: 1, Config: map[string]string{"cleanup.policy": "sometimes"}})
		all["a bad name"] = c.Create(ctx, events.TopicSpec{Name: "bad name", Partitions: 1})
		all["a new one without partitions"] = c.Create(ctx, events.TopicSpec{Name: "bad", Partitions: 0})
	}
	for what, err := range all {
		var refused *kafka.TopicRefused
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// describedWith waits until the cluster tells of a topic with that many partitions.
func describedWith(t *testing.T, c *kafka.Client, name string, partitions int32) kafka.ClusterInfo {
	t.Helper()
	ctx := limited(t)
	for {
		info, err := c.Describe(ctx)
		if err != nil {
			t.Fatal(err)
		}
		if slices.ContainsFunc(info.Topics, func(topic kafka.TopicInfo) bool { return topic.Name == name && topic.Partitions == partitions }) {
			return info
		}
		select {
		case <-time.After(10 * time.Millisecond): // Nothing tells when the client knows.
		case <-ctx.Done():
			t.Fatalf("%s has no %d partitions", name, partitions)
		}
	}
}
