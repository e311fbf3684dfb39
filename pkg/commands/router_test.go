package commands_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.uber.org/goleak"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/commands"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	asked = "orders"
	made  = "invoices"
	dead  = "spanway.deadletter"
)

// service is a router on a broker, and what it was asked.
type service struct {
	t       *testing.T
	brokers []string
	publish *watermillkafka.Publisher

	mu    sync.Mutex
	tries map[string]int // by message
	done  chan string    // handled, by message
}

func newService(t *testing.T) *service {
	t.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { b.Close() })
	s := &service{t: t, brokers: []string{b.Addr()}, tries: map[string]int{}, done: make(chan string, 100)}
	s.publish = s.publisher()
	in := s.subscriber("")
	for _, topic := range []string{asked, made, dead} {
		if err := in.SubscribeInitialize(topic); err != nil {
			t.Fatal(err)
		}
	}
	return s
}

func (s *service) publisher() *watermillkafka.Publisher {
	s.t.Helper()
	p, err := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{Brokers: s.brokers}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { p.Close() })
	return p
}

func (s *service) subscriber(group string) *watermillkafka.Subscriber {
	s.t.Helper()
	sub, err := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{
		Brokers: s.brokers, ConsumerGroup: group, CloseTimeout: time.Second,
		InitializeTopic: watermillkafka.TopicDetails{Partitions: 1},
	}, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { sub.Close() })
	return sub
}

// run starts a router with the handler and returns what stops it.
func (s *service) run(c commands.Config, handle message.HandlerFunc) (stop func()) {
	s.t.Helper()
	c.DeadLetters, c.Pause = s.publish, time.Millisecond
	router, err := commands.NewRouter(c)
	if err != nil {
		s.t.Fatal(err)
	}
	router.AddHandler("invoice", asked, s.subscriber("service"), made, s.publisher(), func(m *message.Message) ([]*message.Message, error) {
		s.mu.Lock()
		s.tries[m.UUID]++
		s.mu.Unlock()
		return handle(m)
	})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- router.Run(ctx) }()
	return sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.t.Errorf("the router ended with %v", err)
		}
	})
}

func (s *service) ask(ids ...string) {
	s.t.Helper()
	for _, id := range ids {
		m := message.NewMessage(id, []byte("of "+id))
		m.Metadata.Set("traceparent", "00-0102030405060708090a0b0c0d0e0f10-0102030405060708-01")
		if err := s.publish.Publish(asked, m); err != nil {
			s.t.Fatal(err)
		}
	}
}

// read returns the first n messages of a topic.
func (s *service) read(topic string, n int) (out []*message.Message) {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	all, err := s.subscriber("").Subscribe(ctx, topic)
	if err != nil {
		s.t.Fatal(err)
	}
	for m := range all {
		m.Ack()
		if out = append(out, m); len(out) == n {
			return out
		}
	}
	s.t.Fatalf("%d messages came on %s, not %d", len(out), topic, n)
	return nil
}

func (s *service) tried(id string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.tries[id]
}

func TestWhatBecomesOfMessages(t *testing.T) {
	spans := tracetest.NewSpanRecorder()
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	defer otel.SetTracerProvider(before)
	s := newService(t)
	stop := s.run(commands.Config{Retries: 2}, func(m *message.Message) ([]*message.Message, error) {
		switch n := s.tried(m.UUID); {
		case m.UUID == "panics":
			panic("ouch")
		case m.UUID == "fails", m.UUID == "recovers" && n < 3:
			return nil, errors.New("no ink")
		case m.UUID == "poison":
			return nil, fmt.Errorf("read it: %w", commands.Poison(errors.New("not an order")))
		}
		return []*message.Message{message.NewMessage("invoice of "+m.UUID, nil)}, nil
	})
	defer stop()
	s.ask("good", "recovers", "fails", "panics", "poison", "last")
	invoices, letters := s.read(made, 3), s.read(dead, 3)
	stop()

	for i, of := range []string{"good", "recovers", "last"} {
		m := invoices[i]
		if m.UUID != "invoice of "+of || m.Metadata.Get("correlation_id") != of {
			t.Errorf("invoice %d is %q, correlated with %q; want that of %q", i, m.UUID, m.Metadata.Get("correlation_id"), of)
		}
		if !strings.HasPrefix(m.Metadata.Get("traceparent"), "00-0102030405060708090a0b0c0d0e0f10-") {
			t.Errorf("invoice %d is in trace %q", i, m.Metadata.Get("traceparent"))
		}
	}
	for i, want := range []struct {
		id, reason string
		tries      int
	}{{"fails", "no ink", 3}, {"panics", "ouch", 3}, {"poison", "not an order", 1}} {
		m := letters[i]
		if m.UUID != want.id || !strings.Contains(m.Metadata.Get(watermillkafka.PoisonedReason), want.reason) ||
			m.Metadata.Get(watermillkafka.PoisonedTopic) != asked || string(m.Payload) != "of "+want.id {
			t.Errorf("dead letter %d is %q with %v", i, m.UUID, m.Metadata)
		}
		if n := s.tried(want.id); n != want.tries {
			t.Errorf("%q was tried %d times, want %d", want.id, n, want.tries)
		}
	}
	judgeSpans(t, spans.Ended())
}

// judgeSpans wants one span for each message, however often it was tried.
func judgeSpans(t *testing.T, all []sdktrace.ReadOnlySpan) {
	t.Helper()
	if len(all) != 6 {
		t.Errorf("there are %d spans of 6 messages", len(all))
	}
	for _, span := range all {
		if span.Name() != "process orders" || span.SpanKind() != trace.SpanKindConsumer {
			t.Errorf("a span is %q of kind %v", span.Name(), span.SpanKind())
		}
		if span.Parent().SpanID().String() != "0102030405060708" || len(span.Links()) != 1 ||
			span.Links()[0].SpanContext.SpanID() != span.Parent().SpanID() {
			t.Errorf("a span is a child of %v and links to %v", span.Parent().SpanID(), span.Links())
		}
	}
}

// A message that the end of the service interrupts is not poison: whoever comes
// next has it.
func TestInterruptedIsNotPoison(t *testing.T) {
	s := newService(t)
	entered := make(chan struct{})
	stop := s.run(commands.Config{Retries: -1, CloseTimeout: 5 * time.Second}, func(m *message.Message) ([]*message.Message, error) {
		close(entered)
		<-m.Context().Done()
		return nil, errors.New("what the database said when its context ended")
	})
	s.ask("slow", "behind")
	<-entered
	stop()
	stop = s.run(commands.Config{Retries: -1}, func(m *message.Message) ([]*message.Message, error) {
		if m.UUID == "behind" {
			return nil, errors.New("bad")
		}
		return []*message.Message{message.NewMessage("invoice of "+m.UUID, nil)}, nil
	})
	defer stop()
	if m := s.read(made, 1)[0]; m.UUID != "invoice of slow" {
		t.Errorf("%q came, not the interrupted one", m.UUID)
	}
	if m := s.read(dead, 1)[0]; m.UUID != "behind" {
		t.Errorf("%q is dead", m.UUID)
	}
}

func TestConfigIsChecked(t *testing.T) {
	if _, err := commands.NewRouter(commands.Config{}); err == nil || !strings.Contains(err.Error(), "DeadLetters") {
		t.Errorf("a router without dead letters: %v", err)
	}
	if commands.Poison(nil) != nil {
		t.Error("Poison(nil) is not nil")
	}
}
