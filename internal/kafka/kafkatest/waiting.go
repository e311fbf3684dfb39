package kafkatest

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// wire counts what a client sends, and keeps answers back when it is told to.
type wire struct {
	fetches, dials atomic.Int32
	mu             sync.Mutex
	held           chan struct{} // closed when answers go on; nil if none is kept back
}

func (w *wire) dial(config *kafka.Config) {
	config.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		w.dials.Add(1)
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &countedConn{Conn: conn, wire: w}, err
	}
}

func (w *wire) hold() (release func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	held := make(chan struct{})
	w.held = held
	return sync.OnceFunc(func() {
		w.mu.Lock()
		w.held = nil
		w.mu.Unlock()
		close(held)
	})
}

type countedConn struct {
	net.Conn
	wire *wire
}

func (c *countedConn) Write(b []byte) (int, error) {
	const fetch = 1
	if len(b) >= 6 && binary.BigEndian.Uint16(b[4:]) == fetch {
		c.wire.fetches.Add(1)
	}
	return c.Conn.Write(b)
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	c.wire.mu.Lock()
	held := c.wire.held
	c.wire.mu.Unlock()
	if held != nil {
		<-held
	}
	return n, err
}

const (
	// shortWait is how long readers wait that make themselves idle; they are after idleFor.
	shortWait = 200 * time.Millisecond
	idleFor   = 1500 * time.Millisecond
	longWait  = 2 * patience // no test waits for its end
)

// settle reads at the ends of partitions, in vain, until they wait with others.
func settle(t *testing.T, logs []*kafka.Partition, at []int64) {
	t.Helper()
	var all sync.WaitGroup
	for i, log := range logs {
		all.Go(func() {
			for began := time.Now(); time.Since(began) < idleFor; {
				page, err := log.Fetch(limited(t), at[i], shortWait)
				if err != nil || len(page.Records) > 0 || page.Next != at[i] || page.End != at[i] {
					t.Errorf("partition %d is not idle: %+v, %v", i, page, err)
					return
				}
			}
		})
	}
	all.Wait()
}

// read is what a fetch gave.
type read struct {
	page   events.Page
	proven bool
	err    error
}

// begin lets fetches wait at the ends of idle partitions.
func begin(ctx context.Context, logs []*kafka.Partition, at []int64) []chan read {
	answers := make([]chan read, len(logs))
	for i, log := range logs {
		answers[i] = make(chan read, 1)
		go func() {
			page, proven, err := log.FetchProven(ctx, at[i], longWait)
			answers[i] <- read{page, proven, err}
		}()
	}
	return answers
}

// idlers are idle partitions of a new topic.
func idlers(t *testing.T, b Broker, c *kafka.Client, n int32) (logs []*kafka.Partition, at []int64) {
	t.Helper()
	name := topic(t, c, n, nil)
	for i := range n {
		logs = append(logs, b.partition(t, c, name, i))
	}
	return logs, make([]int64, n)
}

// partition is a handle that asks for its topic by name, or by ID in the part of the suite
// that does.
func (b Broker) partition(t *testing.T, c *kafka.Client, topic string, id int32) *kafka.Partition {
	t.Helper()
	p := c.Partition(topic, id)
	if b.byID {
		p.OfTopic(topicID(t, c, topic))
	}
	return p
}

func topicID(t *testing.T, c *kafka.Client, topic string) string {
	t.Helper()
	id, err := c.TopicID(limited(t), topic, 0)
	if err != nil || id == "" {
		t.Fatalf("topic %s has ID %q: %v", topic, id, err)
	}
	return id
}

// learns checks that a fetch got one record, of the topic that was asked for by ID.
func learns(t *testing.T, b Broker, what string, answer <-chan read) {
	t.Helper()
	select {
	case r := <-answer:
		if r.err != nil || len(r.page.Records) != 1 || r.proven != b.byID {
			t.Fatalf("%s: %+v, proven: %v, %v", what, r.page, r.proven, r.err)
		}
	case <-limited(t).Done():
		t.Fatalf("%s: its reader was not told", what)
	}
}

// idleTogether: many idle partitions take few requests, and each still learns of its own.
func idleTogether(t *testing.T, b Broker) {
	var w wire
	c, writer := client(t, b, w.dial), client(t, b)
	logs, at := idlers(t, b, c, 40)
	settle(t, logs, at)
	before := w.fetches.Load()
	settle(t, logs, at)
	alone := int32(len(logs)) * int32(idleFor/shortWait)
	n := w.fetches.Load() - before
	t.Logf("%d idle partitions took %d requests, each for itself about %d", len(logs), n, alone)
	if n > alone/2 {
		t.Fatal("they do not wait together")
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := begin(ctx, logs, at)
	for _, i := range []int32{0, 39, 17} {
		appended(t, writer.Partition(topicOf(t), i), values("x", 1))
		learns(t, b, "a record", answers[i])
	}
}

// inError: a partition that fails is the failure of its own reader only.
func inError(t *testing.T, b Broker) {
	c, writer := client(t, b, func(config *kafka.Config) { config.RetryBudget = 2 * time.Second }), client(t, b)
	logs, at := idlers(t, b, c, 3)
	gone := topicOf(t) + ".gone"
	if _, err := writer.Ensure(limited(t), []events.TopicSpec{{Name: gone, Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.AwaitTopic(limited(t), gone); err != nil {
		t.Fatal(err)
	}
	logs, at = append(logs, b.partition(t, c, gone, 0)), append(at, 0)
	settle(t, logs, at)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := begin(ctx, logs, at)
	if err := writer.DeleteTopics(limited(t), []string{gone}); err != nil {
		t.Fatal(err)
	}
	select {
	case r := <-answers[3]:
		if r.err == nil {
			t.Fatalf("a fetch from a topic that was deleted: %+v", r.page)
		}
	case <-limited(t).Done():
		t.Fatal("the reader of a topic that was deleted was not told")
	}
	for i := range int32(3) {
		appended(t, writer.Partition(topicOf(t), i), values("x", 1))
		learns(t, b, "a partition beside one in error", answers[i])
	}
}

// oneBusy: a partition that has much to read, and a reader of it that is slow, are no
// concern of the idle ones: neither are they sent anew for it, nor do they wait for it.
func oneBusy(t *testing.T, b Broker) {
	const batches = 100
	var w wire
	c, writer := client(t, b, w.dial), client(t, b)
	logs, at := idlers(t, b, c, 20)
	settle(t, logs, at)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := begin(ctx, logs[1:], at[1:])
	before := w.fetches.Load()
	busy := writer.Partition(topicOf(t), 0)
	for i := range int64(batches) {
		appended(t, busy, values("x", 1))
		page, err := logs[0].Fetch(limited(t), i, longWait)
		if err != nil || len(page.Records) != 1 {
			t.Fatal(page, err)
		}
	}
	if n := w.fetches.Load() - before; n > batches*3/2 {
		t.Fatalf("%d batches took %d requests", batches, n)
	}
	// What stays unread there delays no other.
	appended(t, busy, values("unread", 1000))
	appended(t, writer.Partition(topicOf(t), 19), values("x", 1))
	learns(t, b, "an idle partition beside a busy one", answers[18])
}

// noRoom: what does not fit into one answer comes by another.
func noRoom(t *testing.T, b Broker) {
	c, writer := client(t, b), client(t, b)
	logs, at := idlers(t, b, c, 6)
	settle(t, logs, at)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := begin(ctx, logs, at)
	var all sync.WaitGroup
	for i := range logs {
		all.Go(func() {
			if _, err := writer.Partition(topicOf(t), int32(i)).Append(limited(t), []events.Record{{Timestamp: time.Now().UnixMilli(), Value: incompressible(900 << 10)}}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	for _, answer := range answers {
		learns(t, b, "one of many large records", answer)
	}
}

// addedWhileWaiting: a reader that comes while a request waits at the broker neither waits
// for that request nor ends it.
func addedWhileWaiting(t *testing.T, b Broker) {
	var w wire
	c, writer := client(t, b, w.dial), client(t, b)
	logs, at := idlers(t, b, c, 8)
	settle(t, logs, at)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	before := w.fetches.Load()
	answers := begin(ctx, logs[:4], at[:4])
	eventually(t, "those wait at the broker", func() bool { return w.fetches.Load() > before })
	settle(t, logs[4:], at[4:])
	answers = append(answers, begin(ctx, logs[4:], at[4:])...)
	for _, i := range []int32{7, 0, 4, 3} {
		appended(t, writer.Partition(topicOf(t), i), values("x", 1))
		learns(t, b, "a partition that was added, or one before it", answers[i])
	}
}

// oneGivesUp: a reader that gives up cuts no other off.
func oneGivesUp(t *testing.T, b Broker) {
	var w wire
	c, writer := client(t, b, w.dial), client(t, b)
	logs, at := idlers(t, b, c, 3)
	settle(t, logs, at)
	before := w.dials.Load()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := begin(ctx, logs[:2], at[:2])
	short, giveUp := context.WithCancel(t.Context())
	third := begin(short, logs[2:], at[2:])[0]
	giveUp()
	if r := <-third; !errors.Is(r.err, context.Canceled) {
		t.Fatalf("a cancelled fetch: %+v, %v", r.page, r.err)
	}
	for i := range int32(2) {
		appended(t, writer.Partition(topicOf(t), i), values("x", 1))
		learns(t, b, "a partition beside one that is given up", answers[i])
	}
	if n := w.dials.Load() - before; n > 2 {
		t.Fatalf("%d connections were made anew", n)
	}
}

// silenceIsCertain: an empty page needs an answer of now.
func silenceIsCertain(t *testing.T, b Broker) {
	var w wire
	c := client(t, b, w.dial)
	logs, at := idlers(t, b, c, 3)
	settle(t, logs, at)
	release := w.hold()
	defer release()
	var all sync.WaitGroup
	for i, log := range logs {
		all.Go(func() {
			ctx, cancel := context.WithTimeout(t.Context(), 4*shortWait)
			defer cancel()
			if page, err := log.Fetch(ctx, at[i], shortWait); err == nil {
				t.Errorf("no answer came, but %+v", page)
			}
		})
	}
	all.Wait()
}

// idleOverRestart: a reader that waits at a broker which is killed learns what comes when
// that is back.
func idleOverRestart(t *testing.T, b Broker) {
	c := client(t, b, patient)
	logs, at := idlers(t, b, c, 8)
	settle(t, logs, at)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := begin(ctx, logs, at)
	b.Kill()
	b.Start()
	writer := client(t, b, patient)
	for i := range logs {
		appended(t, writer.Partition(topicOf(t), int32(i)), values("x", 1))
		learns(t, b, "a partition whose broker was restarted", answers[i])
	}
}

// leaderMoved: a partition whose leader moves is waited for at the new one, and the others
// where they are.
func leaderMoved(t *testing.T, b Broker) {
	c, writer := client(t, b, patient), client(t, b, patient)
	logs, at := idlers(t, b, c, 8)
	settle(t, logs, at)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	answers := begin(ctx, logs, at)
	for range 3 { // to and fro
		b.Move(topicOf(t), 0)
	}
	for i := range logs {
		appended(t, writer.Partition(topicOf(t), int32(i)), values("x", 1))
		learns(t, b, "a partition of which one leader moved", answers[i])
	}
	at = []int64{1, 1, 1, 1, 1, 1, 1, 1}
	settle(t, logs, at)
}
