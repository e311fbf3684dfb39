package replicator

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// BenchmarkHoldsOfManyCopies is what each replicator does with a round of reports of all copies
// of a site, 500 topics of 16 partitions: it decodes them, and finds which link holds which topic.
func BenchmarkHoldsOfManyCopies(b *testing.B) {
	const topics, partitions = 500, 16
	var records []events.Record
	encoder := events.Encoder{Source: "/spanway/test/replicator"}
	for topic := range topics {
		for p := range int32(partitions) {
			name := fmt.Sprintf("orders.%03d", topic)
			m := &events.ReplicationCopyReported{
				Link: "orders", Topic: name, TargetTopic: name, Partition: p, State: "delta", Next: 1_000_000, SourceEnd: 1_000_000, Generation: 1,
				Counts: &events.ReplicationCounts{Copied: 1_000_000, Bytes: 200_000_000}, AtMs: 1_700_000_000_000, Replicator: "one", Claim: 1,
			}
			r, err := encoder.Encode(copyKey(m.Link, name, p), m)
			if err != nil {
				b.Fatal(err)
			}
			records = append(records, r)
		}
	}
	h, copies := &holding{}, map[string]*events.ReplicationCopyReported{}
	b.ReportAllocs()
	for b.Loop() {
		for i := range records {
			m, err := events.Message(&records[i])
			if err != nil {
				b.Fatal(err)
			}
			copies[string(records[i].Key)] = m.(*events.ReplicationCopyReported)
		}
		h.set(holds(maps.Values(copies)), time.Now())
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N)/float64(len(records)), "µs/report")
}
