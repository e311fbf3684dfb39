package batch_test

import (
	"encoding/binary"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
)

// FuzzRead: no bytes make the reader panic, and what it accepts can be written
// and read again.
func FuzzRead(f *testing.F) {
	for _, c := range compressions {
		f.Add(encode(f, 3, c), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, mend bool) {
		if n := batch.Length(data); mend && n >= batch.HeaderSize && n <= len(data) {
			// With a right checksum the fuzzer gets past the header.
			p := batch.Producer{ID: 1}
			batch.Stamp(data[:n], p)
		}
		for len(data) > 0 {
			b, rest, err := batch.Read(data)
			if err != nil {
				return
			}
			_ = b.Aborts()
			var d batch.Decoder
			records, err := d.Decode(nil, &b, 0)
			data = rest
			if err != nil || len(records) == 0 {
				continue
			}
			again, err := batch.Append(nil, records, batch.None)
			if err != nil {
				t.Fatal(err)
			}
			got, _ := decode(t, again, 0)
			for i := range got {
				records[i].Offset = int64(i)
			}
			if diff := cmp.Diff(records, got); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// FuzzRecords puts arbitrary bytes where a batch's records stand.
func FuzzRecords(f *testing.F) {
	for _, c := range compressions {
		f.Add(encode(f, 2, c)[batch.HeaderSize:], byte(c), uint32(2))
	}
	f.Fuzz(func(t *testing.T, body []byte, attributes byte, count uint32) {
		data := append(encode(t, 1, batch.None)[:batch.HeaderSize:batch.HeaderSize], body...)
		binary.BigEndian.PutUint32(data[8:], uint32(len(data)-12))
		data[22] = attributes
		binary.BigEndian.PutUint32(data[23:], count-1)
		binary.BigEndian.PutUint32(data[57:], count)
		batch.Stamp(data, batch.NoProducer)
		b, _, err := batch.Read(data)
		if err != nil {
			return
		}
		_ = b.Aborts()
		var d batch.Decoder
		records, err := d.Decode(nil, &b, 0)
		if err == nil && !b.Control() && len(records) != int(count) {
			t.Fatalf("%d records of %d", len(records), count)
		}
		sameEncoded(t, &b, records, err)
		if pieces := inPieces(t, &b); err == nil && !b.Control() {
			if diff := cmp.Diff(records, pieces, cmpopts.EquateEmpty()); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

// inPieces reads a batch in the smallest pieces; what cannot be read ends it.
func inPieces(t *testing.T, b *batch.Batch) (records []events.Record) {
	const most = 1000 // a few bytes may be thousands of millions
	p := batch.InPieces(b)
	for next := b.BaseOffset; next < b.Next() && len(records) < most; {
		piece, on, err := p.Read(t.Context(), nil, next, 1)
		records = append(records, piece...)
		if err != nil {
			return records
		}
		if on <= next || len(piece) > 1 {
			t.Fatalf("%d records from %d on, and on at %d", len(piece), next, on)
		}
		next = on
	}
	return records
}
