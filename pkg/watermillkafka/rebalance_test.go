package watermillkafka_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/pkg/watermillkafka"
)

// assignments are those of one subscriber, as its hooks tell them.
type assignments struct {
	mu      sync.Mutex
	now     []int32
	changed chan struct{} // has room for one
}

func (a *assignments) hooks() watermillkafka.Hooks {
	a.changed = make(chan struct{}, 1)
	set := func(now []int32) {
		a.mu.Lock()
		a.now = now
		a.mu.Unlock()
		select {
		case a.changed <- struct{}{}:
		default:
		}
	}
	return watermillkafka.Hooks{
		Assigned: func(_ string, partitions []int32) { set(partitions) },
		Revoked:  func(string, []int32) { set(nil) },
	}
}

func (a *assignments) partitions() []int32 {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

// await waits until it is n partitions.
func (a *assignments) await(tb testing.TB, n int) {
	tb.Helper()
	for timeout := time.After(patience); len(a.partitions()) != n; {
		select {
		case <-a.changed:
		case <-timeout:
			tb.Fatalf("%d partitions are assigned, not %d", len(a.partitions()), n)
		}
	}
}

// staleAfterRebalance has a second member take a half of the first one's
// partitions while messages of all of them wait to be handed out, and says
// what the first one then hands out of those that it has lost.
func staleAfterRebalance(t *testing.T, change func(*watermillkafka.Subscriber)) (stale []string) {
	c := newCluster(t, 4)
	c.publish(0, 400, byPayload)
	var one, two assignments
	first := c.subscriber(func(config *watermillkafka.SubscriberConfig) { config.Hooks = one.hooks() })
	change(first)
	messages := c.subscribe(first)
	one.await(t, 4)
	receive(t, messages).Ack() // so it has fetched
	c.subscribe(c.subscriber(func(config *watermillkafka.SubscriberConfig) { config.Hooks = two.hooks() }))
	two.await(t, 2)
	one.await(t, 2)
	for range 100 {
		m := receive(t, messages)
		if !slices.Contains(one.partitions(), partitionOf(m)) {
			stale = append(stale, fmt.Sprintf("%d/%s", partitionOf(m), m.Payload))
		}
		m.Ack()
	}
	return stale
}

func TestNothingIsHandedOutAfterARebalance(t *testing.T) {
	if stale := staleAfterRebalance(t, func(*watermillkafka.Subscriber) {}); len(stale) > 0 {
		t.Errorf("of lost partitions came %v", stale)
	}
}

// That the test above can fail.
func TestTheStaleMutantIsFound(t *testing.T) {
	if stale := staleAfterRebalance(t, (*watermillkafka.Subscriber).HandOutStale); len(stale) == 0 {
		t.Error("a build that hands out after a rebalance what it fetched before is not found")
	}
}

// A message that is handed out when its generation ends loses its context, and
// its acknowledgement then commits nothing: it comes again.
func TestAnEndedGenerationCommitsNothing(t *testing.T) {
	c := newCluster(t, 2)
	c.publish(0, 20, byPayload)
	var one, two assignments
	messages := c.subscribe(c.subscriber(func(config *watermillkafka.SubscriberConfig) { config.Hooks = one.hooks() }))
	held := map[int32]*message.Message{}
	for range 2 {
		m := receive(t, messages)
		held[partitionOf(m)] = m
	}
	others := c.subscribe(c.subscriber(func(config *watermillkafka.SubscriberConfig) { config.Hooks = two.hooks() }))
	two.await(t, 1)
	one.await(t, 1)
	lost := held[two.partitions()[0]]
	for _, m := range held {
		<-m.Context().Done()
		m.Ack()
	}
	again := receive(t, others)
	if string(again.Payload) != string(lost.Payload) {
		t.Errorf("%s was not acknowledged in time, and %s came", lost.Payload, again.Payload)
	}
	if generationOf(again) <= generationOf(lost) {
		t.Errorf("generation %d after %d", generationOf(again), generationOf(lost))
	}
}

// What is acknowledged while the group forms anew need not come again.
func TestARebalanceWaitsAMoment(t *testing.T) {
	c := newCluster(t, 2)
	c.publish(0, 20, byPayload)
	var one, two assignments
	first := c.subscriber(func(config *watermillkafka.SubscriberConfig) { config.Hooks = one.hooks() })
	first.WaitFor(patience) // However slow the machine is, the moment is not over.
	messages := c.subscribe(first)
	got := map[string]int{}
	held := []*message.Message{receive(t, messages), receive(t, messages)}
	others := c.subscribe(c.subscriber(func(config *watermillkafka.SubscriberConfig) { config.Hooks = two.hooks() }))
	<-time.After(400 * time.Millisecond) // more than a heartbeat: the rebalance has begun
	for _, m := range held {
		if m.Context().Err() != nil {
			t.Fatal("the context ended at once")
		}
		got[string(m.Payload)]++
		m.Ack()
	}
	for len(got) < 20 {
		var m *message.Message
		select {
		case m = <-messages:
		case m = <-others:
		case <-time.After(patience):
			t.Fatalf("%d messages came", len(got))
		}
		got[string(m.Payload)]++
		m.Ack()
	}
	for payload, n := range got {
		if n > 1 {
			t.Errorf("%s came %d times", payload, n)
		}
	}
}
