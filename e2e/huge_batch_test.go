package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/spanway/spanway/pkg/events"
)

// Requests that a producer compresses well come in batches that open to very much.
// Each is accepted; the one that is itself too large is refused at its own offset.
func TestBatchOpensToVeryMuch(t *testing.T)       { batchOpensToVeryMuch(t, onKfake) }
func TestApacheBatchOpensToVeryMuch(t *testing.T) { batchOpensToVeryMuch(t, onApache) }

func batchOpensToVeryMuch(t *testing.T, on brokers) {
	const each = 160
	s := newSystem(t, on)
	s.scheduler()
	codecs := map[string]kgo.CompressionCodec{"gzip": kgo.GzipCompression(), "zstd": kgo.ZstdCompression()}
	for name, codec := range codecs {
		producer, err := kgo.NewClient(kgo.SeedBrokers(s.broker.Addr()), kgo.ProducerBatchCompression(codec),
			kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerBatchMaxBytes(90<<20), kgo.MaxBufferedBytes(90<<20), kgo.ProducerLinger(time.Minute))
		if err != nil {
			t.Fatal(err)
		}
		defer producer.Close()
		payload := strings.Repeat("AAAA", 64<<10) // 192 KiB in Base64
		send := func(id, payload string) {
			rec := jsonRequest(fmt.Sprintf(`{"taskId":%q,"kind":"none","payload":%q}`, id, payload))
			out := &kgo.Record{Topic: events.Topics{Prefix: s.prefix}.Requests(), Partition: events.PoolPartition(events.DefaultPool), Key: rec.Key, Value: rec.Value}
			for _, h := range rec.Headers {
				out.Headers = append(out.Headers, kgo.RecordHeader{Key: h.Key, Value: h.Value})
			}
			producer.Produce(t.Context(), out, func(_ *kgo.Record, err error) {
				if err != nil {
					t.Errorf("produce %s: %v", id, err)
				}
			})
		}
		for i := range each {
			send(fmt.Sprint(name, i), payload)
		}
		send(name+"-too-large", strings.Repeat(payload, 136))
		if err := producer.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	s.seen.awaitCount(t, events.TypeTaskAccepted, each*len(codecs), patience)
	s.seen.awaitCount(t, events.TypeTaskRejected, len(codecs), patience)
	s.seen.mu.Lock()
	m := s.seen.last[events.TypeTaskRejected].Message.(*events.TaskRejected)
	accepted := s.seen.counts[events.TypeTaskAccepted]
	s.seen.mu.Unlock()
	if accepted != each*len(codecs) {
		t.Errorf("%d accepted, want %d", accepted, each*len(codecs))
	}
	if want := int64(len(codecs)*(each+1) - 1); m.Source.GetOffset() != want {
		t.Errorf("the too large one was refused at %v, want offset %d (%s)", m.Source, want, m.Message)
	}
	s.verify()
}
