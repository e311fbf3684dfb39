package kafkatest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

func ensureTopics(t *testing.T, b Broker) {
	c := client(t, b)
	specs := events.Specs(events.Topics{Prefix: "ensure."}.Catalogue())
	for range 2 {
		warnings, err := c.Ensure(limited(t), specs)
		if err != nil {
			t.Fatal(err)
		}
		if len(warnings) == 0 || !strings.HasPrefix(warnings[0], "dev: ") || !strings.Contains(warnings[0], "replicas") {
			t.Fatalf("one broker cannot replicate: %q", warnings)
		}
	}
	topics, err := c.Topics(limited(t), "ensure.")
	if err != nil || len(topics) != len(specs) {
		t.Fatal(topics, err)
	}
	wrong := specs[0]
	wrong.Partitions = 99
	says(t, c, wrong, "has 16 partitions and must have 99", "prefix")
	wrong = specs[0]
	wrong.Config = map[string]string{"cleanup.policy": "compact"}
	says(t, c, wrong, "cleanup.policy=delete", "needs compact", "kafka-configs --alter")
	wrong.Config = map[string]string{"max.message.bytes": "9999999"}
	says(t, c, wrong, "max.message.bytes=2097152", "needs 9999999")
	lax := specs[0]
	lax.Config = map[string]string{"retention.ms": "1000", "max.message.bytes": "1000", "segment.bytes": "16777216", "segment.ms": "3600000"}
	if _, err := c.Ensure(limited(t), []events.TopicSpec{lax}); err != nil {
		t.Fatalf("a topic that keeps more than it must, in larger segments: %v", err)
	}
}

// says expects Ensure to refuse a topic with all of the words.
func says(t *testing.T, c *kafka.Client, spec events.TopicSpec, words ...string) {
	t.Helper()
	_, err := c.Ensure(limited(t), []events.TopicSpec{spec})
	var wrong *kafka.Misconfigured
	if !errors.As(err, &wrong) {
		t.Fatalf("%+v: %v", spec, err)
	}
	for _, w := range words {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("%q is not in %q", w, err)
		}
	}
}

// member runs one and passes on what it is assigned.
func member(ctx context.Context, c *kafka.Client, topic string) (assigned <-chan []int32, ended <-chan error) {
	got, end := make(chan []int32), make(chan error, 1)
	go func() {
		end <- c.Join(ctx, "g."+topic, topic, func(ctx context.Context, g *kafka.Generation) {
			select {
			case got <- g.Partitions:
				<-ctx.Done()
			case <-ctx.Done():
			}
		})
	}()
	return got, end
}

// awaitAssigned waits until a member has n partitions.
func awaitAssigned(t *testing.T, assigned <-chan []int32, n int) []int32 {
	t.Helper()
	ctx := limited(t)
	for {
		select {
		case p := <-assigned:
			if len(p) == n {
				return p
			}
		case <-ctx.Done():
			t.Fatalf("no %d partitions were assigned", n)
		}
	}
}

func groupMembership(t *testing.T, b Broker) {
	c := client(t, b)
	name := topic(t, c, 4, nil)
	ctx1, leave1 := context.WithCancel(limited(t))
	ctx2, leave2 := context.WithCancel(limited(t))
	defer leave1()
	defer leave2()
	one, end1 := member(ctx1, c, name)
	awaitAssigned(t, one, 4)
	two, end2 := member(ctx2, c, name)
	both := append(awaitAssigned(t, one, 2), awaitAssigned(t, two, 2)...)
	slices.Sort(both)
	if !slices.Equal(both, []int32{0, 1, 2, 3}) {
		t.Fatal(both)
	}
	left := time.Now()
	leave1()
	awaitLeft(t, end1)
	if d := time.Since(left); d > 4*time.Second { // It is some milliseconds, and 6 s until a session ends.
		t.Errorf("leaving took %v", d)
	}
	// A member that left does not cost the others its session timeout.
	awaitAssigned(t, two, 4)
	leave2()
	awaitLeft(t, end2)
}

func awaitLeft(t *testing.T, ended <-chan error) {
	t.Helper()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
}

// deadMember: the partitions of a member that dies without a word are with
// another one within a session timeout and two heartbeats.
func deadMember(t *testing.T, b Broker) {
	var n network
	dying := client(t, b, n.dial)
	living := client(t, b)
	name := topic(t, living, 4, nil)
	ctx, leave := context.WithCancel(limited(t))
	defer leave()
	one, end1 := member(ctx, living, name)
	awaitAssigned(t, one, 4)
	two, end2 := member(ctx, dying, name)
	awaitAssigned(t, one, 2)
	awaitAssigned(t, two, 2)
	n.down.Store(true)
	died := time.Now()
	awaitAssigned(t, one, 4)
	if d := time.Since(died); d > 14*time.Second { // It is up to 8 s.
		t.Fatalf("it took %v", d)
	}
	leave()
	awaitLeft(t, end1)
	awaitLeft(t, end2)
}

func ensureAtOnce(t *testing.T, b Broker) {
	specs := events.Specs(events.Topics{Prefix: "at-once."}.Catalogue())
	var wg sync.WaitGroup
	for range 3 {
		c := client(t, b)
		wg.Go(func() {
			if _, err := c.Ensure(limited(t), specs); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}
