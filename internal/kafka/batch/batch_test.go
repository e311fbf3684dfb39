package batch_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
)

var compressions = []batch.Compression{batch.None, batch.Gzip, batch.Snappy, batch.LZ4, batch.Zstd}

func bytesOrNil() *rapid.Generator[[]byte] {
	return rapid.OneOf(rapid.Just[[]byte](nil), rapid.SliceOfN(rapid.Byte(), 0, 300))
}

func record() *rapid.Generator[events.Record] {
	return rapid.Custom(func(t *rapid.T) events.Record {
		r := events.Record{
			Timestamp: rapid.Int64Range(-1, 1<<50).Draw(t, "timestamp"),
			Key:       bytesOrNil().Draw(t, "key"), Value: bytesOrNil().Draw(t, "value"),
		}
		for range rapid.IntRange(0, 4).Draw(t, "headers") {
			r.Headers = append(r.Headers, events.Header{
				Key:   rapid.OneOf(rapid.Just("ce_type"), rapid.String()).Draw(t, "header"),
				Value: bytesOrNil().Draw(t, "header value"),
			})
		}
		return r
	})
}

func decode(t interface{ Fatal(...any) }, data []byte, from int64) ([]events.Record, batch.Batch) {
	b, rest, err := batch.Read(data)
	if err != nil || len(rest) != 0 {
		t.Fatal(err, len(rest))
	}
	var d batch.Decoder
	got, err := d.Decode(nil, &b, from)
	if err != nil {
		t.Fatal(err)
	}
	return got, b
}

// What is written is read again, whatever it is and however it is compressed.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(record(), 1, 40).Draw(t, "records")
		c := rapid.SampledFrom(compressions).Draw(t, "compression")
		prefix := rapid.SliceOfN(rapid.Byte(), 0, 5).Draw(t, "prefix")
		data, err := batch.AppendUnstamped(bytes.Clone(prefix), want, c)
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := batch.Read(data[len(prefix):]); !errors.Is(err, batch.ErrCorrupt) {
			t.Fatalf("it is a batch before it is stamped: %v", err)
		}
		if !bytes.HasPrefix(data, prefix) {
			t.Fatal("what stood in the buffer was overwritten")
		}
		p := batch.Producer{ID: rapid.Int64().Draw(t, "id"), Epoch: rapid.Int16().Draw(t, "epoch"), Sequence: rapid.Int32().Draw(t, "sequence")}
		batch.Stamp(data[len(prefix):], p)
		got, b := decode(t, data[len(prefix):], 0)
		for i := range want {
			want[i].Offset = int64(i)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatal(d)
		}
		if b.Producer != p || b.Compression() != c || b.Next() != int64(len(want)) || b.Control() || b.Transactional() {
			t.Fatalf("%+v", b)
		}
	})
}

// An encoded record is never larger than Record.Size says, which bounds batches.
func TestSizeIsAnUpperBound(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := record().Draw(t, "record")
		data, err := batch.Append(nil, []events.Record{r}, batch.None)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(data) - batch.HeaderSize; got > r.Size() {
			t.Fatalf("%d bytes, Size says %d", got, r.Size())
		}
	})
}

// A batch written by hand from Kafka's documentation.
func TestGolden(t *testing.T) {
	want := []byte{
		0, 0, 0, 0, 0, 0, 0, 0, // base offset
		0, 0, 0, 66, // length
		0xff, 0xff, 0xff, 0xff, // leader epoch
		2,                      // format
		0x7f, 0xd4, 0x8c, 0x31, // checksum, taken over below
		0, 0, // attributes
		0, 0, 0, 0, // last offset delta
		0, 0, 0, 0, 0, 0, 0x04, 0xd2, // first timestamp 1234
		0, 0, 0, 0, 0, 0, 0x04, 0xd2, // greatest timestamp
		0, 0, 0, 0, 0, 0, 0, 7, // producer ID
		0, 1, // producer epoch
		0, 0, 0, 9, // base sequence
		0, 0, 0, 1, // records
		32,   // length 16
		0,    // attributes
		0, 0, // deltas
		2, 'k', // key
		1, // null value
		4, // two headers
		2, 'a', 4, 'x', 'y',
		2, 'b', 1, // null
	}
	want = want[:len(want):len(want)]
	binary.BigEndian.PutUint32(want[8:], uint32(len(want)-12))
	want[61] = byte(2 * (len(want) - 62))
	got, err := batch.Append(nil, []events.Record{{
		Timestamp: 1234, Key: []byte("k"),
		Headers: []events.Header{{Key: "a", Value: []byte("xy")}, {Key: "b"}},
	}}, batch.None)
	if err != nil {
		t.Fatal(err)
	}
	batch.Stamp(got, batch.Producer{ID: 7, Epoch: 1, Sequence: 9})
	copy(want[17:21], got[17:21]) // Read and every broker verify it
	if !bytes.Equal(got, want) {
		t.Fatalf("got\n%v\nwant\n%v", got, want)
	}
}

// Where a topic has the time at which its broker appended, all records of a batch have that.
func TestTimeOfTheBroker(t *testing.T) {
	const attributes, greatest, checked = 21, 35, 21
	data := encode(t, 3, batch.None)
	data[attributes+1] |= 1 << 3
	binary.BigEndian.PutUint64(data[greatest:], 1_700_000_000_000)
	binary.BigEndian.PutUint32(data[17:], crc32.Checksum(data[checked:], crc32.MakeTable(crc32.Castagnoli)))
	got, _ := decode(t, data, 0)
	for _, r := range got {
		if r.Timestamp != 1_700_000_000_000 {
			t.Errorf("the record at %d is of %d", r.Offset, r.Timestamp)
		}
	}
	if len(got) != 3 {
		t.Errorf("%d records were read", len(got))
	}
}

func TestDecodeFromTheMiddle(t *testing.T) {
	data := encode(t, 10, batch.None)
	binary.BigEndian.PutUint64(data, 100) // the broker sets the base offset; no checksum covers it
	got, b := decode(t, data, 107)
	if len(got) != 3 || got[0].Offset != 107 || b.Next() != 110 {
		t.Fatal(got, b.Next())
	}
}

func TestEveryCutIsPartialAndEveryFlipIsCorrupt(t *testing.T) {
	data := encode(t, 3, batch.None)
	for n := range data {
		if _, _, err := batch.Read(data[:n]); !errors.Is(err, batch.ErrPartial) {
			t.Fatalf("%d of %d bytes: %v", n, len(data), err)
		}
	}
	for i := 17; i < len(data); i++ {
		data[i] ^= 1
		if _, _, err := batch.Read(data); !errors.Is(err, batch.ErrCorrupt) {
			t.Fatalf("byte %d flipped: %v", i, err)
		}
		data[i] ^= 1
	}
}

func TestXerialFraming(t *testing.T) {
	plain := encode(t, 100, batch.None)
	snappy := encode(t, 100, batch.Snappy)
	block := snappy[batch.HeaderSize:]
	framed := append([]byte{0x82, 'S', 'N', 'A', 'P', 'P', 'Y', 0, 0, 0, 0, 1, 0, 0, 0, 1}, 0, 0, 0, 0)
	binary.BigEndian.PutUint32(framed[16:], uint32(len(block)))
	data := append(bytes.Clone(snappy[:batch.HeaderSize]), append(framed, block...)...)
	binary.BigEndian.PutUint32(data[8:], uint32(len(data)-12))
	batch.Stamp(data, batch.NoProducer)
	got, _ := decode(t, data, 0)
	want, _ := decode(t, plain, 0)
	if d := cmp.Diff(want, got); d != "" {
		t.Fatal(d)
	}
}

// A small batch that claims much is refused before it costs much.
func TestHostileClaims(t *testing.T) {
	claim := func(what string, change func(b []byte) []byte) {
		t.Run(what, func(t *testing.T) {
			data := change(encode(t, 1, batch.None))
			batch.Stamp(data, batch.NoProducer)
			b, _, err := batch.Read(data)
			if err == nil {
				var d batch.Decoder
				_, err = d.Decode(nil, &b, 0)
			}
			if !errors.Is(err, batch.ErrCorrupt) {
				t.Fatal(err)
			}
		})
	}
	at := func(i int, v uint32) func(b []byte) []byte {
		return func(b []byte) []byte { binary.BigEndian.PutUint32(b[i:], v); return b }
	}
	claim("two thousand million records", at(57, math.MaxInt32))
	claim("a negative count", at(57, math.MaxUint32))
	claim("a negative offset delta", at(23, math.MaxUint32))
	claim("a negative base offset", at(0, math.MaxUint32))
	claim("an unknown compression", func(b []byte) []byte { b[22] = 5; return b })
	claim("gzip that is none", func(b []byte) []byte { b[22] = 1; return b })
	claim("a record longer than the batch", func(b []byte) []byte { b[61] = 0x7e; return b })
	claim("offsets that do not grow", func([]byte) []byte {
		data, err := batch.Append(nil, make([]events.Record, 2), batch.None)
		if err != nil {
			t.Fatal(err)
		}
		const record, offsetDelta = 7, 3
		data[batch.HeaderSize+record+offsetDelta] = 0
		return data
	})
}

func encode(tb testing.TB, n int, c batch.Compression) []byte {
	tb.Helper()
	records := make([]events.Record, n)
	for i := range records {
		records[i] = event(i)
	}
	data, err := batch.Append(nil, records, c)
	if err != nil {
		tb.Fatal(err)
	}
	return data
}

func event(i int) events.Record {
	return events.Record{
		Timestamp: 1_700_000_000_000 + int64(i), Key: []byte("pool"), Value: make([]byte, 200),
		Headers: []events.Header{
			{Key: "ce_specversion", Value: []byte("1.0")}, {Key: "ce_id", Value: fmt.Append(nil, "spanway.tasks.events/3/17/", i)},
			{Key: "ce_source", Value: []byte("/spanway/local/scheduler")}, {Key: "ce_type", Value: []byte("spanway.task.assigned.v1")},
		},
	}
}
