package sharedlog_test

import (
	"fmt"
	"testing"

	"github.com/spanway/spanway/internal/embedded"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// payload is that of the calls of the benchmarks.
var payload = make([]byte, 100)

func entry(i int) *events.QueueEnqueued {
	return &events.QueueEnqueued{Id: fmt.Sprintf("object-%d", i), Payload: payload}
}

// anything is a core that accepts all, and so costs nothing.
type anything struct{ *seats }

func (anything) Decide(*sharedlog.Call) events.Code { return "" }

func bench(b *testing.B, log, reads eventlog.Log) *sharedlog.Host {
	h := sharedlog.NewHost(sharedlog.Config{
		Log: log, Reads: reads, Topic: "t", Encoder: events.Encoder{Source: "/test"},
		NewCore: func() sharedlog.Core { return anything{&seats{}} },
	})
	run(b, h)
	return h
}

// BenchmarkHost makes b.N calls that are appended together, in memory and on the embedded
// broker, beside the bare wire: the same records appended in batches of as much.
func BenchmarkHost(b *testing.B) {
	b.Run("memory", func(b *testing.B) {
		log := memlog.New()
		batched(b, bench(b, log, log))
	})
	b.Run("kafka", func(b *testing.B) {
		log, reads := onKafka(b)
		batched(b, bench(b, log, reads))
	})
	b.Run("wire", func(b *testing.B) {
		log, _ := onKafka(b)
		wire(b, log)
	})
	b.Run("one", func(b *testing.B) {
		log, reads := onKafka(b)
		h := bench(b, log, reads)
		b.ReportAllocs()
		b.ResetTimer()
		for i := range b.N {
			if v, err := h.Call(b.Context(), entry(i), nil); err != nil || !v.Accepted() {
				b.Fatal(v, err)
			}
		}
	})
}

func batched(b *testing.B, h *sharedlog.Host) {
	left, n := make(chan struct{}), 0
	done := func(_ sharedlog.Core, _ *sharedlog.Call, v sharedlog.Verdict, err error) {
		if err != nil || !v.Accepted() {
			b.Error(v, err)
		}
		if n++; n == b.N {
			close(left)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if _, err := h.Start(b.Context(), entry(i), done); err != nil {
			b.Fatal(err)
		}
	}
	<-left
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}

func wire(b *testing.B, log eventlog.Log) {
	var records []events.Record
	size := 0
	flush := func() {
		if _, err := log.Append(b.Context(), records); err != nil {
			b.Fatal(err)
		}
		records, size = records[:0], 0
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		r, err := sharedlog.Encode(events.Encoder{Source: "/test"}, sharedlog.CallID{byte(i), byte(i >> 8), byte(i >> 16)}, 0, entry(i))
		if err != nil {
			b.Fatal(err)
		}
		if size += r.Size(); size > 1<<20 {
			flush()
		}
		records = append(records, r)
	}
	flush()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
}

func onKafka(b *testing.B) (log, reads eventlog.Log) {
	broker, err := embedded.Start(embedded.Config{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(broker.Close)
	client := kafka.New(kafka.Config{Brokers: []string{broker.Addr()}})
	b.Cleanup(client.Close)
	logs := events.Topics{Prefix: "t."}.QueueLogs("bench")
	if _, err := client.Ensure(b.Context(), events.Specs(logs)); err != nil {
		b.Fatal(err)
	}
	return client.Partition(logs[0].Topic, 0), client.Partition(logs[0].Topic, 0)
}
