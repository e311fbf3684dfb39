package interop

import (
	"context"
	"testing"
	"time"

	"github.com/IBM/sarama"
	wk "github.com/ThreeDotsLabs/watermill-kafka/v3/pkg/kafka"
	"github.com/ThreeDotsLabs/watermill/message"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

const patience = 30 * time.Second

func brokers(tb testing.TB) []string {
	tb.Helper()
	b, err := embedded.Start(embedded.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(b.Close)
	return b.Addrs()
}

func key(_ string, m *message.Message) (string, error) { return m.Metadata.Get("key"), nil }

type pair struct {
	pub message.Publisher
	sub message.Subscriber
}

// ours and theirs are made alike: keyed, of one group each, from the oldest on.
func ours(tb testing.TB, at []string) pair {
	tb.Helper()
	pub, err1 := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{Brokers: at, PartitionKey: key}, nil)
	sub, err2 := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{
		Brokers: at, ConsumerGroup: "ours", InitializeTopic: watermillkafka.TopicDetails{Partitions: 4},
	}, nil)
	return made(tb, pub, sub, err1, err2)
}

func theirs(tb testing.TB, at []string) pair {
	tb.Helper()
	config := wk.DefaultSaramaSubscriberConfig()
	config.Consumer.Offsets.Initial = sarama.OffsetOldest
	marshaler := wk.NewWithPartitioningMarshaler(key)
	pub, err1 := wk.NewPublisher(wk.PublisherConfig{Brokers: at, Marshaler: marshaler}, nil)
	sub, err2 := wk.NewSubscriber(wk.SubscriberConfig{
		Brokers: at, Unmarshaler: marshaler, OverwriteSaramaConfig: config, ConsumerGroup: "theirs",
	}, nil)
	return made(tb, pub, sub, err1, err2)
}

func made(tb testing.TB, pub message.Publisher, sub message.Subscriber, err1, err2 error) pair {
	tb.Helper()
	if err1 != nil || err2 != nil {
		tb.Fatal(err1, err2)
	}
	tb.Cleanup(func() {
		pub.Close()
		sub.Close()
	})
	return pair{pub, sub}
}

// Each reads what the other published: UUID, payload, metadata, key, time.
func TestEachReadsTheOther(t *testing.T) {
	at := brokers(t)
	a, b := ours(t, at), theirs(t, at)
	for name, way := range map[string]struct {
		pub message.Publisher
		sub message.Subscriber
	}{"ours to theirs": {a.pub, b.sub}, "theirs to ours": {b.pub, a.sub}} {
		t.Run(name, func(t *testing.T) {
			topic := "topic-" + name[:4]
			if err := a.sub.(message.SubscribeInitializer).SubscribeInitialize(topic); err != nil {
				t.Fatal(err)
			}
			sent := map[string]*message.Message{}
			for i, payload := range [][]byte{[]byte("x"), {}, []byte("\x00\xff")} {
				m := message.NewMessage("uuid-"+string(rune('a'+i)), payload)
				m.Metadata.Set("key", "k")
				m.Metadata.Set("empty", "")
				m.Metadata.Set("ünïcode", "✓")
				sent[m.UUID] = m
				if err := way.pub.Publish(topic, m); err != nil {
					t.Fatal(err)
				}
			}
			messages, err := way.sub.Subscribe(context.Background(), topic)
			if err != nil {
				t.Fatal(err)
			}
			for len(sent) > 0 {
				select {
				case m := <-messages:
					want := sent[m.UUID]
					if want == nil || !want.Equals(m) {
						t.Errorf("%+v came, sent was %+v", m, want)
					}
					checkKey(t, m)
					delete(sent, m.UUID)
					m.Ack()
				case <-time.After(patience):
					t.Fatalf("%d messages did not come", len(sent))
				}
			}
		})
	}
}

// checkKey wants the key by the getters of whoever received the message.
func checkKey(t *testing.T, m *message.Message) {
	t.Helper()
	k, ok := watermillkafka.MessageKeyFromCtx(m.Context())
	if !ok {
		k, ok = wk.MessageKeyFromCtx(m.Context())
	}
	if !ok || string(k) != "k" {
		t.Errorf("the key is %q, %v", k, ok)
	}
}

// Both refuse metadata with the key of the UUID's header, which is the same.
func TestTheReservedKeyIsTheSame(t *testing.T) {
	at := brokers(t)
	if wk.UUIDHeaderKey != watermillkafka.UUIDHeaderKey {
		t.Errorf("%s and %s", wk.UUIDHeaderKey, watermillkafka.UUIDHeaderKey)
	}
	for _, p := range []pair{ours(t, at), theirs(t, at)} {
		m := message.NewMessage("u", nil)
		m.Metadata.Set(wk.UUIDHeaderKey, "x")
		if err := p.pub.Publish("t", m); err == nil {
			t.Errorf("%T publishes it", p.pub)
		}
	}
}
