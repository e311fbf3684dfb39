package sharedlog_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog/sharedlogtest"
	"github.com/spanway/spanway/pkg/events"
)

// TestContractOnEmbeddedKafka runs the suite on the real protocol.
func TestContractOnEmbeddedKafka(t *testing.T) {
	broker, err := embedded.Start(embedded.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(broker.Close)
	contract(t, broker.Addr())
}

// TestContractOnApacheKafka runs the suite on the real broker.
func TestContractOnApacheKafka(t *testing.T) {
	contract(t, apache.Start(t, apache.Config{Version: apache.Latest}).Addr())
}

// TestHostOnApacheKafkaThatLosesItsTail: the broker is killed, and comes back with less.
func TestHostOnApacheKafkaThatLosesItsTail(t *testing.T) {
	t.Parallel()
	broker := apache.Start(t, apache.Config{Version: apache.Latest})
	p := partition(t, broker.Addr(), "lost")
	log := p.Log()
	p.Lose = func(from int64) {
		_, end, err := eventlog.Bounds(t.Context(), log)
		if err != nil {
			t.Fatal(err)
		}
		broker.Kill()
		broker.Lose(p.Topic, 0, int(end-from)) // Each call is a batch of its own.
		broker.Start()
	}
	sharedlogtest.LostTail(t, p)
}

func contract(t *testing.T, addr string) {
	t.Helper()
	var topics atomic.Int32
	sharedlogtest.Run(t, func(t *testing.T) *sharedlogtest.Partition {
		return partition(t, addr, fmt.Sprintf("contract-%d", topics.Add(1)))
	})
}

func partition(t *testing.T, addr, name string) *sharedlogtest.Partition {
	t.Helper()
	client := kafka.New(kafka.Config{Brokers: []string{addr}})
	t.Cleanup(client.Close)
	logs := events.Topics{Prefix: "t."}.QueueLogs(name)
	if _, err := client.Ensure(t.Context(), events.Specs(logs)); err != nil {
		t.Fatal(err)
	}
	return &sharedlogtest.Partition{
		Log:       func() eventlog.Log { return client.Partition(logs[0].Topic, 0) },
		Snapshots: func() eventlog.Log { return client.Partition(logs[1].Topic, 0) },
		Truncator: client, Topic: logs[0].Topic,
	}
}
