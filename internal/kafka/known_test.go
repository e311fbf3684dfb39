package kafka_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
)

// asking makes a client of which the questions about the cluster are counted.
func asking(t *testing.T, b *embedded.Broker, change ...func(kafka.Config) kafka.Config) (*kafka.Client, *atomic.Int32) {
	t.Helper()
	var questions atomic.Int32
	config := kafka.Config{Brokers: b.Addrs(), Dial: func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := (&net.Dialer{}).DialContext(ctx, network, address)
		return &questioned{conn, &questions}, err
	}}
	for _, f := range change {
		config = f(config)
	}
	c := kafka.New(config)
	t.Cleanup(c.Close)
	return c, &questions
}

type questioned struct {
	net.Conn
	questions *atomic.Int32
}

func (q *questioned) Write(b []byte) (int, error) {
	const metadata = 3
	if len(b) >= 6 && binary.BigEndian.Uint16(b[4:]) == metadata {
		q.questions.Add(1)
	}
	return q.Conn.Write(b)
}

// soon is much less than it takes until a client asks by itself that never does, and than an
// operation is tried for.
const soon = 20 * time.Second

func TestAClientThatReadsRarelyAsksWhatThereIs(t *testing.T) {
	b, _ := start(t)
	c, questions := asking(t, b)
	ensure(t, c, "t", 1)
	log := c.Partition("t", 0)
	questions.Store(0)
	began := time.Now()
	for range 15 { // For 3 s. It asks every 1.5 s, at times that are random.
		if _, err := log.Fetch(t.Context(), 0, 200*time.Millisecond); err != nil {
			t.Fatal(err)
		}
	}
	took := time.Since(began)
	if n := questions.Load(); n > 4+int32(took.Seconds()) {
		t.Errorf("it asked %d times in %v what the cluster is", n, took)
	}
}

// What another client made is found as soon as it is needed, or asked for.
func TestNewTopicsAreFoundAtOnce(t *testing.T) {
	b, other := start(t)
	c, _ := asking(t, b, kafka.Config.AsksNever)
	ensure(t, c, "known", 1)
	for i := range 6 {
		topic := fmt.Sprintf("new-%d", i)
		ensure(t, other, topic, 1)
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		var err error
		switch i % 3 {
		case 0:
			_, err = c.Partition(topic, 0).Append(ctx, one)
		case 1:
			_, err = c.Partition(topic, 0).Fetch(ctx, 0, 0)
		default:
			for n := int32(0); n == 0 && err == nil; {
				n, err = c.Partitions(ctx, topic)
			}
		}
		if err != nil {
			t.Errorf("topic %s is not found: %v", topic, err)
		}
	}
}

// Many that fail at once ask together.
func TestManyThatFailAskTogether(t *testing.T) {
	b, _ := start(t)
	c, questions := asking(t, b)
	ensure(t, c, "known", 1)
	questions.Store(0)
	ctx, cancel := context.WithTimeout(t.Context(), 1400*time.Millisecond)
	defer cancel()
	var all sync.WaitGroup
	for i := range int32(100) {
		all.Go(func() {
			if _, err := c.Partition("known", 1+i).Fetch(ctx, 0, 0); err == nil {
				t.Errorf("partition %d, which is not, is read", 1+i)
			}
		})
	}
	all.Wait()
	if n := questions.Load(); n > 20 { // Fewer and fewer, and one a second by the name of the topic.
		t.Errorf("100 readers of what is not there asked %d times in a second", n)
	}
}

// A leader that has moved is found as soon as the one before says so.
func TestALeaderThatMovedIsFoundAtOnce(t *testing.T) {
	b, err := embedded.Start(embedded.Config{Brokers: 2})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	c, _ := asking(t, b, kafka.Config.AsksNever)
	ensure(t, c, "t", 1)
	log := c.Partition("t", 0)
	for i := range 6 {
		if err := b.MoveLeader("t", 0, int32(i%2)); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), soon)
		defer cancel()
		if i < 3 {
			_, err = log.Append(ctx, one)
		} else {
			_, err = log.Fetch(ctx, 0, 0)
		}
		if err != nil {
			t.Errorf("after move %d: %v", i, err)
		}
	}
}
