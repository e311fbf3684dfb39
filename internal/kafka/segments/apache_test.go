package segments_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/spanway/spanway/internal/apache"
	"github.com/spanway/spanway/internal/kafka"
	"github.com/spanway/spanway/pkg/events"
)

// What a broker of Apache Kafka has on disk is what a reader got from it, also behind
// records that were deleted.
func TestApacheFilesAreWhatAReaderGets(t *testing.T) {
	b := apache.Start(t, apache.Config{Properties: map[string]string{"log.flush.start.offset.checkpoint.interval.ms": "200"}})
	c := kafka.New(kafka.Config{Brokers: []string{b.Addr()}})
	defer c.Close()
	const topic = "spanway.files"
	if _, err := c.Ensure(t.Context(), []events.TopicSpec{{Name: topic, Partitions: 2, Config: map[string]string{"segment.bytes": "1048576"}}}); err != nil {
		t.Fatal(err)
	}
	log := c.Partition(topic, 1)
	for next := 0; next < 30_000; {
		records := make([]events.Record, 1+next%700)
		for i := range records {
			records[i] = events.Record{Value: fmt.Append(nil, next+i), Key: make([]byte, 100)}
		}
		if _, err := log.Append(t.Context(), records); err != nil {
			t.Fatal(err)
		}
		next += len(records)
	}
	if err := c.DeleteRecords(t.Context(), topic, 1, 12_345); err != nil {
		t.Fatal(err)
	}
	start, end, err := c.Offsets(t.Context(), topic, 1)
	if err != nil {
		t.Fatal(err)
	}
	b.Stop()
	d := opened(t, b.DataDir())
	got, err := readAll(t.Context(), d, topic, 1)
	if err != nil || !slices.Equal(got, upTo(start, end)) {
		t.Errorf("read %d records, %v; the broker had %d to %d", len(got), err, start, end)
	}
	if got, err = readAll(t.Context(), d, topic, 0); err != nil || len(got) != 0 {
		t.Errorf("of an empty partition: %v, %v", got, err)
	}
}
