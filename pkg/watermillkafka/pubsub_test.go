package watermillkafka_test

import (
	"flag"
	"testing"
	"time"

	"github.com/ThreeDotsLabs/watermill/message"
	"github.com/ThreeDotsLabs/watermill/pubsub/tests"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

// pubSub makes what Watermill's suite asks for. Each test has a group of its
// own, or every test would rebalance the others.
type pubSub struct {
	addr  string
	keyed bool
}

func (p pubSub) create(t *testing.T) (message.Publisher, message.Subscriber) {
	return p.createInGroup(t, t.Name())
}

func (p pubSub) createInGroup(t *testing.T, group string) (message.Publisher, message.Subscriber) {
	t.Helper()
	config := watermillkafka.PublisherConfig{Brokers: []string{p.addr}}
	if p.keyed {
		config.PartitionKey = func(_ string, msg *message.Message) (string, error) { return string(msg.Payload), nil }
	}
	pub, err := watermillkafka.NewPublisher(config, nil)
	if err != nil {
		t.Fatal(err)
	}
	sub, err := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{
		Brokers: []string{p.addr}, ConsumerGroup: group, NackResendSleep: time.Millisecond, CloseTimeout: 400 * time.Millisecond,
		InitializeTopic: watermillkafka.TopicDetails{Partitions: 8},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { // the suite forgets some
		pub.Close()
		sub.Close()
	})
	return pub, sub
}

// suite is Watermill's universal test-suite, unchanged.
func suite(t *testing.T, b broker, short bool) {
	for _, keyed := range []bool{false, true} {
		name := "unordered"
		if keyed {
			name = "ordered"
		}
		t.Run(name, func(t *testing.T) {
			p := pubSub{addr: b.addr, keyed: keyed}
			tests.TestPubSub(t, tests.Features{
				ConsumerGroups: true, GuaranteedOrder: keyed, Persistent: true, ForceShort: short,
			}, p.create, p.createInGroup)
		})
	}
}

func TestWatermillSuite(t *testing.T) { suite(t, embeddedBroker(t), false) }

func TestWatermillSuiteOnApacheKafka(t *testing.T) {
	for _, version := range []string{apache.Latest, apache.Older} {
		t.Run(version, func(t *testing.T) { suite(t, apacheBroker(t, version), false) })
	}
}

var wholeStress = flag.Bool("whole-stress", false, "run Watermill's stress test in full, which takes minutes")

// TestStress is ten suites at once.
func TestStress(t *testing.T) {
	p := pubSub{addr: embeddedBroker(t).addr}
	tests.TestPubSubStressTest(t, tests.Features{ConsumerGroups: true, Persistent: true, ForceShort: !*wholeStress}, p.create, p.createInGroup)
}

// Without a group every subscriber has all messages, the old ones too.
func TestWithoutAGroup(t *testing.T) {
	p := pubSub{addr: embeddedBroker(t).addr}
	create := func(t *testing.T) (message.Publisher, message.Subscriber) { return p.createInGroup(t, "") }
	features := tests.Features{Persistent: true, NewSubscriberReceivesOldMessages: true, ForceShort: true}
	tests.TestPubSub(t, features, create, p.createInGroup)
}
