package interop

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/IBM/sarama"
	wk "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

// The form is that of ThreeDotsLabs' watermill-benchmark: so many goroutines
// publish messages of that size one at a time, then one subscriber reads them.
const (
	goroutines = 16
	size       = 200
	partitions = 8
)

// asBroker makes this binary a broker in a process of its own, so that its
// memory and its garbage are not taken for a library's.
const asBroker = "SPANWAY_BENCH_BROKER"

func TestMain(m *testing.M) {
	if os.Getenv(asBroker) == "" {
		os.Exit(m.Run())
	}
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening", b.Addr())
	_, _ = bufio.NewReader(os.Stdin).ReadByte() // until the parent has gone
}

func childBroker(b *testing.B) []string {
	b.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), asBroker+"=1")
	stdin, err1 := cmd.StdinPipe()
	stdout, err2 := cmd.StdoutPipe()
	if err1 != nil || err2 != nil {
		b.Fatal(err1, err2)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		stdin.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), "listening ")
	if err != nil || !ok {
		b.Fatalf("the broker did not start: %q, %v", line, err)
	}
	return []string{addr}
}

// libraries are used as they come, but that both read from the oldest message.
var libraries = []struct {
	name string
	make func(tb testing.TB, at []string) pair
}{
	{"kafka-go", func(tb testing.TB, at []string) pair {
		pub, err1 := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{Brokers: at}, nil)
		sub, err2 := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{Brokers: at, ConsumerGroup: "bench"}, nil)
		return made(tb, pub, sub, err1, err2)
	}},
	{"sarama", func(tb testing.TB, at []string) pair {
		config := wk.DefaultSaramaSubscriberConfig()
		config.Consumer.Offsets.Initial = sarama.OffsetOldest
		pub, err1 := wk.NewPublisher(wk.PublisherConfig{Brokers: at, Marshaler: wk.DefaultMarshaler{}}, nil)
		sub, err2 := wk.NewSubscriber(wk.SubscriberConfig{
			Brokers: at, Unmarshaler: wk.DefaultMarshaler{}, OverwriteSaramaConfig: config, ConsumerGroup: "bench",
		}, nil)
		return made(tb, pub, sub, err1, err2)
	}},
}

// BenchmarkPubSub publishes b.N messages, and then has them all read.
func BenchmarkPubSub(b *testing.B) {
	for _, library := range libraries {
		at := childBroker(b)
		b.Run("publish/"+library.name, func(b *testing.B) {
			p := library.make(b, at)
			topic := newTopic(b, at)
			took := measure(b, func() []time.Duration { return publish(b, p.pub, topic, b.N) })
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
		})
		b.Run("subscribe/"+library.name, func(b *testing.B) {
			p := library.make(b, at)
			topic := newTopic(b, at)
			publish(b, p.pub, topic, b.N)
			b.ResetTimer()
			measure(b, func() []time.Duration { return receive(b, p.sub, topic, b.N) })
		})
		b.Run("through/"+library.name, func(b *testing.B) { through(b, library.make(b, at), newTopic(b, at)) })
	}
}

var topics atomic.Int32

func newTopic(b *testing.B, at []string) string {
	b.Helper()
	s, err := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{
		Brokers: at, InitializeTopic: watermillkafka.TopicDetails{Partitions: partitions},
	}, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	topic := fmt.Sprint("bench-", topics.Add(1))
	if err := s.SubscribeInitialize(topic); err != nil {
		b.Fatal(err)
	}
	return topic
}

// publish sends n messages and says how long each call took.
func publish(b *testing.B, pub message.Publisher, topic string, n int) []time.Duration {
	took := make([]time.Duration, n)
	var next atomic.Int64
	var running sync.WaitGroup
	for range goroutines {
		running.Go(func() {
			for i := next.Add(1) - 1; i < int64(n); i = next.Add(1) - 1 {
				m := message.NewMessage(fmt.Sprint(i), make([]byte, size))
				begun := time.Now()
				if err := pub.Publish(topic, m); err != nil {
					b.Error(err)
					return
				}
				took[i] = time.Since(begun)
			}
		})
	}
	running.Wait()
	return took
}

func receive(b *testing.B, sub message.Subscriber, topic string, n int) []time.Duration {
	messages, err := sub.Subscribe(context.Background(), topic)
	if err != nil {
		b.Fatal(err)
	}
	for range n {
		select {
		case m := <-messages:
			m.Ack()
		case <-time.After(patience):
			b.Fatal("messages are missing")
		}
	}
	return nil
}

// through publishes 500 messages a second, and says how long each took from
// before Publish until it was received.
func through(b *testing.B, p pair, topic string) {
	const every, n = 2 * time.Millisecond, 2000
	messages, err := p.sub.Subscribe(context.Background(), topic)
	if err != nil {
		b.Fatal(err)
	}
	warm := func() bool { // until the group has formed
		if err := p.pub.Publish(topic, message.NewMessage("warm", make([]byte, size))); err != nil {
			b.Fatal(err)
		}
		select {
		case m := <-messages:
			m.Ack()
			return true
		case <-time.After(time.Second):
			return false
		}
	}
	for !warm() {
	}
	var sent [n]time.Time
	go func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for i := range n {
			<-tick.C
			sent[i] = time.Now()
			if err := p.pub.Publish(topic, message.NewMessage(fmt.Sprint(i), make([]byte, size))); err != nil {
				b.Error(err)
			}
		}
	}()
	var took []time.Duration
	for len(took) < n {
		m := <-messages
		var i int
		if _, err := fmt.Sscan(m.UUID, &i); err == nil {
			took = append(took, time.Since(sent[i]))
		}
		m.Ack()
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[n/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[n*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(0, "ns/op")
}

// measure reports the rate, and how large the heap became.
func measure(b *testing.B, run func() []time.Duration) []time.Duration {
	runtime.GC()
	heap := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}}
	stop, peak := make(chan struct{}), make(chan uint64)
	go func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		var most uint64
		for {
			metrics.Read(heap)
			most = max(most, heap[0].Value.Uint64())
			select {
			case <-tick.C:
			case <-stop:
				peak <- most
				return
			}
		}
	}()
	b.ReportAllocs()
	begun := time.Now()
	took := run()
	d := time.Since(begun)
	b.StopTimer()
	close(stop)
	b.ReportMetric(float64(b.N)/d.Seconds(), "msgs/s")
	b.ReportMetric(float64(<-peak)/1e6, "heap-MB")
	return took
}
