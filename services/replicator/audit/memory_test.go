package audit

import (
	"context"
	"fmt"
	"testing"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/audit/compare"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var (
	here  = events.ClusterPartition{Cluster: "ams", Topic: "orders"}
	there = events.ClusterPartition{Cluster: "fra", Topic: "orders"}
)

// memory is a partition with pages of so many records. Offsets without a record are
// markers.
type memory struct {
	start, end int64
	page       int
	records    []events.Record
	shrink     func(*memory) // before the next page is read
}

func (m *memory) Range(context.Context) (compare.Range, error) {
	return compare.Range{Start: m.start, End: m.end}, nil
}

type outOfRange struct{ start, end int64 }

func (e *outOfRange) Error() string                  { return "out of range" }
func (e *outOfRange) OutOfRange() (start, end int64) { return e.start, e.end }

func (m *memory) Fetch(_ context.Context, from int64, _ time.Duration) (events.Page, error) {
	if m.shrink != nil {
		m.shrink(m)
	}
	if from < m.start || from > m.end {
		return events.Page{}, &outOfRange{m.start, m.end}
	}
	page := events.Page{Start: m.start, End: m.end, Next: m.end}
	for _, r := range m.records {
		if r.Offset < from || r.Offset < m.start {
			continue
		}
		if len(page.Records) == m.page {
			break
		}
		page.Records = append(page.Records, r)
		if page.Next = r.Offset + 1; len(page.Records) < m.page {
			page.Next = m.end
		}
	}
	return page, nil
}

func (m *memory) put(r events.Record) {
	r.Offset = m.end
	m.records = append(m.records, r)
	m.end++
}

func record(offset int64) events.Record {
	return events.Record{Offset: offset, Timestamp: 1000 + offset, Key: []byte(fmt.Sprint(offset)), Value: []byte("v")}
}

func copyOf(r events.Record, generation uint32) events.Record {
	mark := events.Provenance{Origin: events.Origin{ClusterPartition: here, Offset: r.Offset}, Generation: generation}
	return mark.Mark(&r, there)
}

// drawn is a source and a target with gaps, records of other writers, records that were
// not copied and perhaps several generations, each of which begins behind records that the
// source has kept.
func drawn(t *rapid.T) (*sides, *memory, *memory) {
	page := rapid.IntRange(1, 5).Draw(t, "page")
	source, target := &memory{page: page}, &memory{page: page}
	source.start = rapid.Int64Range(0, 3).Draw(t, "start")
	source.end = source.start
	for generation := range uint32(rapid.IntRange(1, 3).Draw(t, "generations")) {
		if generation > 0 { // The source has lost its end.
			n := rapid.IntRange(0, len(source.records)).Draw(t, "kept")
			if source.records = source.records[:n]; n > 0 {
				source.end = source.records[n-1].Offset + 1
			} else {
				source.end = source.start
			}
		}
		for i := range rapid.IntRange(1, 20).Draw(t, "records") {
			source.end += rapid.Int64Range(0, 2).Draw(t, "gap")
			r := record(source.end)
			r.Value = []byte{byte(generation)}
			source.put(r)
			target.end += rapid.Int64Range(0, 3).Draw(t, "markers")
			for range rapid.IntRange(0, 3).Draw(t, "others") {
				target.put(record(0))
			}
			if i == 0 || rapid.IntRange(0, 4).Draw(t, "copied") > 0 {
				target.put(copyOf(r, generation+1))
			}
		}
	}
	target.end += rapid.Int64Range(0, 3).Draw(t, "at the end")
	return &sides{source: source, target: target, cfg: compare.Config{Source: here, Target: there, Tolerated: compare.Shared}}, source, target
}
