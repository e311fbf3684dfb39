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

func contract(t *testing.T, addr string) {
	t.Helper()
	var topics atomic.Int32
	sharedlogtest.Run(t, func(t *testing.T) *sharedlogtest.Partition {
		client := kafka.New(kafka.Config{Brokers: []string{addr}})
		t.Cleanup(client.Close)
		logs := events.Topics{Prefix: "t."}.QueueLogs(fmt.Sprintf("contract-%d", topics.Add(1)))
		if _, err := client.Ensure(t.Context(), events.Specs(logs)); err != nil {
			t.Fatal(err)
		}
		return &sharedlogtest.Partition{
			Log:       func() eventlog.Log { return client.Partition(logs[0].Topic, 0) },
			Snapshots: func() eventlog.Log { return client.Partition(logs[1].Topic, 0) },
			Truncator: client, Topic: logs[0].Topic,
		}
	})
}
