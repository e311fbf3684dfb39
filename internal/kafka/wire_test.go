package kafka_test

import (
	"testing"
	"time"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka/kafkatest"
	"github.com/spanway/spanway/internal/porttest"
)

func TestEmbeddedWire(t *testing.T) {
	config := embedded.Config{DataDir: t.TempDir(), Port: porttest.Kept(t)}
	var b *embedded.Broker
	run := func() {
		var err error
		if b, err = embedded.Start(config); err != nil {
			t.Fatal(err)
		}
	}
	run()
	defer func() { b.Close() }()
	kafkatest.Run(t, kafkatest.Broker{
		Addr: b.Addr(), Kill: func() { b.Close() }, Stop: func() { b.Close() }, Start: run, Away: time.Second,
		Compact: func() { b.Compact() },
	})
}

// The leader of one of two brokers moves. A cluster of one has no such test.
func TestEmbeddedWireOfTwoBrokers(t *testing.T) {
	b, err := embedded.Start(embedded.Config{Brokers: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer b.Close()
	at := int32(0)
	kafkatest.RunMoves(t, kafkatest.Broker{Addr: b.Addr(), Move: func(topic string, partition int32) {
		at = 1 - at
		if err := b.MoveLeader(topic, partition, at); err != nil {
			t.Fatal(err)
		}
	}})
}
