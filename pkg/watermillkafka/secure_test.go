package watermillkafka_test

import (
	"errors"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/testca"
	connection "github.com/spanway/spanway/pkg/cluster"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/watermillkafka"
)

// A Publisher and a Subscriber in a group use the cluster that they are given, with
// its TLS and its user.
func TestSecuredCluster(t *testing.T) {
	ca := testca.New(t)
	b, err := embedded.Start(embedded.Config{
		TLS:   ca.Server(ca.Issue("broker", time.Now().Add(time.Hour)), false),
		Users: []embedded.User{{Mechanism: connection.ScramSHA512, Name: "alice", Password: "secret", Super: true}},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	secured, err := connection.Open(connection.Config{
		Brokers: b.Addrs(), TLS: connection.TLS{CAFile: ca.File},
		SASL: connection.SASL{Mechanism: connection.ScramSHA512, Username: "alice", Password: "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(secured.Close)
	if _, err := secured.Ensure(t.Context(), []events.TopicSpec{{Name: "t", Partitions: 2}}); err != nil {
		t.Fatal(err)
	}
	sub, err := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{Cluster: secured, ConsumerGroup: "g", CloseTimeout: time.Second}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	pub, err := watermillkafka.NewPublisher(watermillkafka.PublisherConfig{Cluster: secured}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer pub.Close()
	messages, err := sub.Subscribe(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	if err := pub.Publish("t", numbered(0, 3)...); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		select {
		case m := <-messages:
			m.Ack()
		case <-time.After(patience):
			t.Fatal("a message does not come")
		}
	}
}

// A subscription that lacks a right from the beginning ends, and tells why.
func TestASubscriptionWithoutItsRight(t *testing.T) {
	on := func(operation kmsg.ACLOperation) embedded.Right {
		return embedded.Right{Operation: operation, Resource: kmsg.ACLResourceTypeTopic, Name: "t"}
	}
	b, err := embedded.Start(embedded.Config{Users: []embedded.User{
		{Mechanism: connection.ScramSHA512, Name: "alice", Password: "secret", Rights: []embedded.Right{
			on(kmsg.ACLOperationRead), on(kmsg.ACLOperationCreate), on(kmsg.ACLOperationDescribeConfigs),
		}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.Close)
	secured, err := connection.Open(connection.Config{
		Brokers: b.Addrs(), SASL: connection.SASL{Mechanism: connection.ScramSHA512, Username: "alice", Password: "secret"},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(secured.Close)
	if _, err := secured.Ensure(t.Context(), []events.TopicSpec{{Name: "t", Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	why := make(chan error, 1)
	sub, err := watermillkafka.NewSubscriber(watermillkafka.SubscriberConfig{
		Cluster: secured, ConsumerGroup: "g", Hooks: watermillkafka.Hooks{Failed: func(_ string, err error) { why <- err }},
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	messages, err := sub.Subscribe(t.Context(), "t")
	if err != nil {
		t.Fatal(err)
	}
	if _, more := <-messages; more {
		t.Error("a message came")
	}
	var denied *connection.Denied
	if err := <-why; !errors.As(err, &denied) || denied.Resource != "group" || denied.Name != "g" {
		t.Errorf("it ended with %v", err)
	}
}
