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

// TestFollowerOnApacheKafka: a broker that is killed and comes back with all that it
// had is no reason to begin anew; one that comes back with less is, and that the log
// has grown again hides nothing.
func TestFollowerOnApacheKafka(t *testing.T) {
	t.Parallel()
	broker := apache.Start(t, apache.Config{})
	client := kafka.New(kafka.Config{Brokers: []string{broker.Addr()}})
	t.Cleanup(client.Close)
	const name = "followed"
	if _, err := client.Ensure(t.Context(), []events.TopicSpec{{Name: name, Partitions: 1}}); err != nil {
		t.Fatal(err)
	}
	log := client.Partition(name, 0)
	s := newScribe(t, "a", "b", "c", "d")
	appendFrom := func(at int) { // each record is a batch of its own
		for _, r := range s.log.Records()[at:] {
			if base, err := log.Append(t.Context(), []events.Record{r}); err != nil || base != r.Offset {
				t.Fatalf("append at %d: %d, %v", r.Offset, base, err)
			}
		}
	}
	appendFrom(0)
	all := []*following{follow(log, false), follow(log, true)}
	barrier := func(begun int, visited string) {
		t.Helper()
		for _, f := range all {
			f.barrier(t, s.log)
			if n, got := len(f.begun), f.visited[len(f.visited)-1]; n != begun || got != visited {
				t.Errorf("began %d times, visited %v; want %d times, and %s at last", n, f.visited, begun, visited)
			}
		}
	}
	barrier(1, "d")
	broker.Kill()
	broker.Start()
	s.write(task("e"))
	appendFrom(5)
	barrier(1, "e")
	broker.Kill()
	broker.Lose(name, 0, 4)
	broker.Start()
	lostTails["grown beyond"](s)
	appendFrom(2)
	barrier(2, "i")
}
