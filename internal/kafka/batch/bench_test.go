package batch_test

import (
	"testing"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
)

const benchRecords = 500

func BenchmarkAppend(b *testing.B) {
	records := make([]events.Record, benchRecords)
	for i := range records {
		records[i] = event(i)
	}
	for _, c := range compressions {
		b.Run(c.String(), func(b *testing.B) {
			var buffer []byte
			b.ReportAllocs()
			for b.Loop() {
				var err error
				if buffer, err = batch.Append(buffer[:0], records, c); err != nil {
					b.Fatal(err)
				}
			}
			b.SetBytes(int64(len(buffer)))
			b.ReportMetric(benchRecords*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, c := range compressions {
		data := encode(b, benchRecords, c)
		b.Run(c.String(), func(b *testing.B) {
			records := make([]events.Record, 0, benchRecords)
			b.ReportAllocs()
			for b.Loop() {
				in, _, err := batch.Read(data)
				if err != nil {
					b.Fatal(err)
				}
				var d batch.Decoder
				if records, err = d.Decode(records[:0], &in, 0); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(benchRecords*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		})
	}
}
