package batch

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"

	"github.com/spanway/spanway/pkg/events"
)

// large is a batch of n records which opens to more than Decode takes; it is made
// without ever being whole in memory.
func large(t *testing.T, c Compression, values ...[]byte) *Batch {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	switch c {
	case None:
		w = plain{&out}
	case Gzip:
		w = gzip.NewWriter(&out)
	case LZ4:
		w = lz4.NewWriter(&out)
	case Snappy:
		w = &framed{out: &out}
	case Zstd:
		z, err := zstd.NewWriter(&out, zstd.WithWindowSize(maxWindow), zstd.WithEncoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		w = z
	}
	for i, v := range values {
		if _, err := w.Write(appendRecord(nil, &events.Record{Key: fmt.Append(nil, i), Value: v}, int64(i), i)); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	data := append(make([]byte, HeaderSize), out.Bytes()...)
	putHeader(data, len(values), 1000, 1000, c)
	Stamp(data, NoProducer)
	binary.BigEndian.PutUint64(data, 70) // the base offset
	b, _, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	return &b
}

type plain struct{ io.Writer }

func (plain) Close() error { return nil }

// framed writes snappy as snappy-java does.
type framed struct {
	out   *bytes.Buffer
	begun bool
}

func (f *framed) Write(b []byte) (int, error) {
	if !f.begun {
		f.out.Write(append(bytes.Clone(xerial), 0, 0, 0, 1, 0, 0, 0, 1))
		f.begun = true
	}
	for block := range slices.Chunk(b, 32<<10) {
		e := s2.EncodeSnappy(nil, block)
		f.out.Write(binary.BigEndian.AppendUint32(nil, uint32(len(e))))
		f.out.Write(e)
	}
	return len(b), nil
}

func (f *framed) Close() error { return nil }

// A batch that opens to more than MaxDecompressed is read in pieces, in bounded
// memory; only the record that is itself too large gives a stand-in, at its own place.
func TestLargeBatchInPieces(t *testing.T) {
	const n, size, tooLarge = 160, 256 << 10, 7
	values := make([][]byte, n)
	for i := range values {
		values[i] = bytes.Repeat([]byte{byte(i)}, size)
	}
	values[tooLarge] = make([]byte, MaxRecord)
	for _, c := range []Compression{Gzip, Snappy, LZ4, Zstd} {
		t.Run(c.String(), func(t *testing.T) {
			b := large(t, c, values...)
			var d Decoder
			if _, err := d.Decode(nil, b, 0); !errors.Is(err, ErrLarge) {
				t.Fatalf("all at once: %v", err)
			}
			runtime.GC()
			var base, now runtime.MemStats
			runtime.ReadMemStats(&base)
			p := InPieces(b)
			pages := 0
			for next := b.BaseOffset; next < b.Next(); pages++ {
				records, on, err := p.Read(t.Context(), nil, next, 8<<20)
				if err != nil {
					t.Fatal(err)
				}
				for _, r := range records {
					if r.Offset != next {
						t.Fatalf("offset %d, want %d", r.Offset, next)
					}
					checkPiece(t, &r, values, int(next-b.BaseOffset), tooLarge)
					next++
				}
				if next != on {
					t.Fatalf("go on at %d, want %d", on, next)
				}
				runtime.GC()
				runtime.ReadMemStats(&now)
				if grown := int64(now.HeapAlloc) - int64(base.HeapAlloc); grown > maxWindow+3*MaxDecompressed {
					t.Fatalf("%d MiB held while a batch of %d MiB is read", grown>>20, n*size>>20)
				}
			}
			if want := n * size / (9 << 20); pages < want {
				t.Errorf("%d pages, want at least %d", pages, want)
			}
			// From within, as after a restart.
			records, on, err := InPieces(b).Read(t.Context(), nil, b.BaseOffset+n-2, 8<<20)
			if err != nil || len(records) != 2 || on != b.Next() {
				t.Errorf("from within: %d records, on at %d, %v", len(records), on, err)
			}
		})
	}
}

func checkPiece(t *testing.T, r *events.Record, values [][]byte, i, tooLarge int) {
	t.Helper()
	reason, refused := r.Header(events.HeaderUndecodable)
	if refused != (i == tooLarge) {
		t.Fatalf("record %d: refused %v (%s)", i, refused, reason)
	}
	if !refused && (!bytes.Equal(r.Value, values[i]) || r.Timestamp != 1000+int64(i)) {
		t.Fatalf("record %d came back changed", i)
	}
}

// Very many empty records, and very many headers, take much more memory than bytes.
func TestManySmallInPieces(t *testing.T) {
	b := large(t, Zstd, make([][]byte, 1<<19)...)
	var d Decoder
	if _, err := d.Decode(nil, b, 0); !errors.Is(err, ErrLarge) {
		t.Fatalf("half a million records at once: %v", err)
	}
	records, _, err := InPieces(b).Read(t.Context(), nil, 0, 1<<20)
	if err != nil || len(records) > 1<<20/recordBytes+1 {
		t.Fatalf("%d records in a piece of 1 MiB, %v", len(records), err)
	}
	data, err := Append(nil, []events.Record{{Headers: make([]events.Header, maxHeaders+1)}, {Value: []byte("good")}}, Zstd)
	if err != nil {
		t.Fatal(err)
	}
	two, _, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	records, err = d.Decode(nil, &two, 0)
	if err != nil || len(records) != 2 || len(records[0].Headers) != 1 || string(records[1].Value) != "good" {
		t.Fatalf("%d records, %v", len(records), err)
	}
}

// Pieces of a batch that breaks off say so behind the good records, and a context
// that ends is heeded in the middle of a record.
func TestPiecesEnd(t *testing.T) {
	values := make([][]byte, 3)
	values[2] = make([]byte, 100)
	b := large(t, None, values...)
	b.records = b.records[:len(b.records)-1]
	records, _, err := InPieces(b).Read(t.Context(), nil, 0, math.MaxInt)
	if len(records) != 2 || !errors.Is(err, ErrCorrupt) {
		t.Errorf("cut short: %d records, %v", len(records), err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := InPieces(b).Read(ctx, nil, 0, math.MaxInt); !errors.Is(err, context.Canceled) || errors.Is(err, ErrCorrupt) {
		t.Errorf("after its context ended: %v", err)
	}
}

// A plain block of snappy is opened in a window, as far as its copies look back; what
// contradicts itself is an error and no panic.
func TestSnappyInAWindow(t *testing.T) {
	want := bytes.Repeat([]byte("as far as its copies look back "), 20_000)
	block := s2.EncodeSnappy(nil, want)
	open := func(block []byte, window int) ([]byte, error) {
		r, err := newSnappyReader(bytes.NewReader(block))
		if err != nil {
			return nil, err
		}
		r.window = window
		return io.ReadAll(r)
	}
	if got, err := open(block, 64<<10); err != nil || !bytes.Equal(got, want) {
		t.Fatalf("%d bytes of %d, %v", len(got), len(want), err)
	}
	for n := range min(len(block), 200) {
		if _, err := open(block[:n], maxWindow); n > 0 && err == nil {
			t.Errorf("cut at %d: no error", n)
		}
	}
	for _, bad := range [][]byte{{4, 1, 0}, {4, 2, 9, 0}, {4, 3, 9, 0, 0, 0}, {1, 4, 'a', 'b'}, {4, 0xfc, 0xff, 0xff, 0xff, 0xff}} {
		if _, err := open(bad, maxWindow); err == nil {
			t.Errorf("%x: no error", bad)
		}
	}
}
