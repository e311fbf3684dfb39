package eventlog_test

import (
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/eventlogtest"
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
	for _, version := range []string{apache.Latest, apache.Older} {
		t.Run(version, func(t *testing.T) {
			contract(t, apache.Start(t, apache.Config{Version: version}).Addr())
		})
	}
}

func contract(t *testing.T, addr string) {
	t.Helper()
	var topics atomic.Int32
	eventlogtest.Run(t, func(t *testing.T) func() eventlog.Log {
		client := kafka.New(kafka.Config{Brokers: []string{addr}})
		t.Cleanup(client.Close)
		name := fmt.Sprintf("contract-%d", topics.Add(1))
		spec := events.TopicSpec{Name: name, Partitions: 1, Config: map[string]string{"max.message.bytes": "2097152"}}
		if _, err := client.Ensure(t.Context(), []events.TopicSpec{spec}); err != nil {
			t.Fatal(err)
		}
		return func() eventlog.Log { return client.Partition(name, 0) }
	})
}
