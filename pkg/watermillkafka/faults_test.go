package watermillkafka_test

import (
	"flag"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

var stormFor = flag.Duration("storm", 8*time.Second, "how long the rebalance storm lasts")

// onceInTheLog wants each of n messages in the log exactly once.
func (c *cluster) onceInTheLog(partitions int32, n int) {
	c.tb.Helper()
	count := map[string]int{}
	for p := range partitions {
		for _, r := range c.log(c.topic, p) {
			count[string(r.Value)]++
		}
	}
	for i := range n {
		if got := count[fmt.Sprint(i)]; got != 1 {
			c.tb.Errorf("message %d is in the log %d times", i, got)
		}
	}
	if len(count) != n {
		c.tb.Errorf("%d different messages are in the log, not %d", len(count), n)
	}
}

// trouble publishes and subscribes through a proxy while something happens to
// it: nothing is lost, nothing is in the log twice, nothing is left behind, and
// both ends close within their bound.
func trouble(t *testing.T, c *cluster, happens func(p *proxy)) {
	const batches, size, bound = 30, 20, 10 * time.Second
	p := newProxy(t, c.addr)
	alive := goleak.IgnoreCurrent()
	pub := c.publisher(byPayload, func(config *watermillkafka.PublisherConfig) {
		config.Cluster, config.CloseTimeout = c.through(p), bound
	})
	sub := c.subscriber(func(config *watermillkafka.SubscriberConfig) {
		config.Cluster, config.CloseTimeout = c.through(p), bound
	})
	messages := c.subscribe(sub)
	over := make(chan struct{})
	var publishing sync.WaitGroup
	publishing.Go(func() {
		for i := range batches {
			if err := pub.Publish(c.topic, numbered(i*size, size)...); err != nil {
				t.Error(err)
			}
			if i == batches/2 {
				<-over // the second half comes when the trouble is over, or nearly
			}
		}
	})
	publishing.Go(func() {
		defer close(over)
		happens(p)
	})
	missing := map[string]bool{}
	for i := range batches * size {
		missing[fmt.Sprint(i)] = true
	}
	for len(missing) > 0 && !t.Failed() {
		m := receive(t, messages)
		delete(missing, string(m.Payload))
		m.Ack()
	}
	publishing.Wait()
	for what, end := range map[string]func() error{"publisher": pub.Close, "subscriber": sub.Close} {
		begun := time.Now()
		if err := end(); err != nil {
			t.Error(err)
		}
		if d := time.Since(begun); d > bound+bounded {
			t.Errorf("to close the %s took %v", what, d)
		}
	}
	// The broker runs in this process, too, and the test's own client is connected to it.
	goleak.VerifyNone(t, alive, goleak.IgnoreAnyFunction("github.com/twmb/franz-go/pkg/kfake.(*clientConn).read.func1"))
	c.onceInTheLog(4, batches*size)
}

// cuts closes every connection n times.
func cuts(n int, every time.Duration) func(p *proxy) {
	return func(p *proxy) {
		for range n {
			<-time.After(every)
			p.cut()
		}
	}
}

// The group has time to form in between: where the answer to a join is cut off,
// the embedded broker has been seen to wait for the member's former self for
// longer than its session.
func TestConnectionsAreCut(t *testing.T) {
	trouble(t, newCluster(t, 4), cuts(4, 600*time.Millisecond))
}

func TestConnectionsAreCutOnApacheKafka(t *testing.T) {
	trouble(t, clusterAt(t, apacheBroker(t, apache.Latest).addr, 4), cuts(10, 200*time.Millisecond))
}

// Acknowledgements that get lost are asked for again; the log has each message
// once, because it is sent by the same number.
func TestAcknowledgementsAreLost(t *testing.T) {
	trouble(t, newCluster(t, 4), func(p *proxy) {
		for range 5 {
			p.mute.Store(true)
			<-time.After(300 * time.Millisecond)
			p.cut() // the answers are gone for good
			p.mute.Store(false)
			<-time.After(100 * time.Millisecond)
		}
	})
}

func TestASlowNetwork(t *testing.T) {
	trouble(t, newCluster(t, 4), func(p *proxy) {
		p.delay.Store(int64(500 * time.Millisecond))
		<-time.After(3 * time.Second)
		p.delay.Store(0)
	})
}

// Both ends close within their bound when nothing answers any more.
func TestCloseWithoutAnswers(t *testing.T) {
	c := newCluster(t, 2)
	p := newProxy(t, c.addr)
	const bound = time.Second
	pub := c.publisher(func(config *watermillkafka.PublisherConfig) {
		config.Cluster, config.CloseTimeout = c.through(p), bound
	})
	sub := c.subscriber(func(config *watermillkafka.SubscriberConfig) {
		config.Cluster, config.CloseTimeout = c.through(p), bound
	})
	messages := c.subscribe(sub)
	if err := pub.Publish(c.topic, numbered(0, 3)...); err != nil {
		t.Fatal(err)
	}
	held := receive(t, messages)
	p.mute.Store(true)
	failed := make(chan error, 1)
	go func() { failed <- pub.Publish(c.topic, numbered(3, 1)...) }()
	<-time.After(100 * time.Millisecond) // until it is sent
	for what, end := range map[string]func() error{"publisher": pub.Close, "subscriber": sub.Close} {
		begun := time.Now()
		_ = end() // the publisher says what it could not finish
		if d := time.Since(begun); d > bound+bounded {
			t.Errorf("to close the %s took %v", what, d)
		}
	}
	if err := <-failed; err == nil {
		t.Error("a message without an acknowledgement counts as published")
	}
	<-held.Context().Done()
	awaitClosed(t, messages)
}

// killedInMidBatch kills the broker while large batches are under way, and
// starts it again.
func killedInMidBatch(t *testing.T, b broker) {
	const batches, size = 40, 250
	c := clusterAt(t, b.addr, 4)
	pub := c.publisher(byPayload, func(config *watermillkafka.PublisherConfig) { config.PublishTimeout = 2 * patience })
	var publishing sync.WaitGroup
	half := make(chan struct{})
	publishing.Go(func() {
		for i := range batches {
			if i == batches/2 {
				close(half)
			}
			if err := pub.Publish(c.topic, numbered(i*size, size)...); err != nil {
				t.Error(err)
			}
		}
	})
	<-half
	b.restart()
	publishing.Wait()
	c.onceInTheLog(4, batches*size)
	messages := c.subscribe(c.subscriber())
	expect(t, messages, 0, batches*size)
}

func TestBrokerKilledInMidBatch(t *testing.T) { killedInMidBatch(t, embeddedBroker(t)) }

func TestBrokerKilledInMidBatchOnApacheKafka(t *testing.T) {
	for _, version := range []string{apache.Latest, apache.Older} {
		t.Run(version, func(t *testing.T) { killedInMidBatch(t, apacheBroker(t, version)) })
	}
}

// storm restarts one of three members every two seconds while messages flow.
func storm(t *testing.T, c *cluster, lasts time.Duration) {
	pub := c.publisher(byPayload)
	w := &witness{t: t, generation: map[int32]int32{}, got: map[string]bool{}}
	stop := make(chan struct{})
	var running, receiving sync.WaitGroup
	member := func() (leave func()) {
		sub := c.subscriber()
		messages := c.subscribe(sub)
		receiving.Go(func() { w.watch(messages) })
		return func() { sub.Close() }
	}
	published := 0
	running.Go(func() {
		for tick := time.NewTicker(10 * time.Millisecond); ; <-tick.C {
			select {
			case <-stop:
				tick.Stop()
				return
			default:
			}
			if err := pub.Publish(c.topic, numbered(published, 5)...); err != nil {
				t.Error(err)
			}
			published += 5
		}
	})
	members := []func(){member(), member(), member()}
	for i := range int(lasts / (2 * time.Second)) {
		<-time.After(2 * time.Second)
		members[i%3]()
		members[i%3] = member()
	}
	close(stop)
	running.Wait()
	eventually(t, "everything has come", func() bool { return w.count() == published })
	for _, leave := range members {
		leave()
	}
	receiving.Wait()
	t.Logf("%d messages, of which %d came again", published, w.again)
}

// witness receives for all members.
type witness struct {
	t          *testing.T
	mu         sync.Mutex
	generation map[int32]int32 // of the newest message of each partition
	got        map[string]bool
	again      int
}

// watch acknowledges what comes, and wants no message of an older generation
// after one of a newer. It receives under the lock, so that what it sees first
// was handed out first.
func (w *witness) watch(messages <-chan *message.Message) {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for open := true; open; <-tick.C {
		for came := true; came && open; {
			came, open = w.poll(messages)
		}
	}
}

func (w *witness) poll(messages <-chan *message.Message) (came, open bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case m, open := <-messages:
		if open {
			w.saw(m)
		}
		return true, open
	default:
		return false, true
	}
}

func (w *witness) saw(m *message.Message) {
	p, g := partitionOf(m), generationOf(m)
	if g < w.generation[p] {
		w.t.Errorf("partition %d: %s came in generation %d after a message of generation %d", p, m.Payload, g, w.generation[p])
	}
	w.generation[p] = g
	if w.got[string(m.Payload)] {
		w.again++
	}
	w.got[string(m.Payload)] = true
	m.Ack()
}

func (w *witness) count() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.got)
}

func TestRebalanceStorm(t *testing.T) {
	storm(t, newCluster(t, 6), *stormFor)
}

func TestRebalanceStormOnApacheKafka(t *testing.T) {
	storm(t, clusterAt(t, apacheBroker(t, apache.Latest).addr, 6), *stormFor)
}
