package batch_test

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
)

// sameEncoded checks that a batch read with its headers left as they are is the one that was
// decoded, or fails like it, and that a copy of it, with a header more in each record, is the
// same byte by byte.
func sameEncoded(t interface {
	Helper()
	Fatal(...any)
}, b *batch.Batch, want []events.Record, failed error) {
	t.Helper()
	d := batch.Decoder{Encoded: true}
	got, err := d.Decode(nil, b, 0)
	if (err == nil) != (failed == nil) {
		t.Fatal("decoded: ", failed, "; with headers left as they are: ", err)
	}
	if err != nil || len(want) == 0 {
		return
	}
	whole := slices.Clone(got)
	for i := range whole {
		for key := range whole[i].Encoded.All() {
			if bytes.HasPrefix(key, []byte(events.OwnHeaders)) {
				t.Fatal("a header of Spanway is left as it is", string(key))
			}
		}
		for _, h := range want[i].Headers {
			value, ok := whole[i].Header(h.Key)
			if first, _ := want[i].Header(h.Key); !ok || !bytes.Equal(value, first) || (value == nil) != (first == nil) {
				t.Fatal("header", h.Key, "is", value, "and not", first)
			}
		}
		whole[i].Headers, whole[i].Encoded = whole[i].AllHeaders(), nil
	}
	if diff := cmp.Diff(want, whole, cmpopts.EquateEmpty()); diff != "" {
		t.Fatal(diff)
	}
	want = slices.Clone(want)
	more := events.Header{Key: events.HeaderOrigin, Value: []byte("c/t/0/1")}
	size := batch.HeaderSize
	for i := range got {
		want[i].Headers, got[i].Headers = append(slices.Clip(want[i].Headers), more), append(slices.Clip(got[i].Headers), more)
		size += got[i].Size()
	}
	decoded, err := batch.Append(nil, want, batch.None)
	if err != nil {
		t.Fatal(err)
	}
	spliced, err := batch.Append(nil, got, batch.None)
	if err != nil || !bytes.Equal(decoded, spliced) {
		t.Fatal("the copy is", spliced, err, "and decoded before", decoded)
	}
	if len(spliced) > size {
		t.Fatal("the copy has", len(spliced), "bytes, Size says", size)
	}
}

// A record is copied without its headers being decoded, whatever it is and however it is
// compressed.
func TestEncodedHeadersAreCopiedAsTheyAre(t *testing.T) {
	left := 0
	rapid.Check(t, func(t *rapid.T) {
		c := rapid.SampledFrom(compressions).Draw(t, "compression")
		data, err := batch.Append(nil, rapid.SliceOfN(record(), 1, 40).Draw(t, "records"), c)
		if err != nil {
			t.Fatal(err)
		}
		batch.Stamp(data, batch.NoProducer)
		want, b := decode(t, data, 0)
		sameEncoded(t, &b, want, nil)
		d := batch.Decoder{Encoded: true}
		again, err := d.Decode(nil, &b, 0)
		for i := range again {
			left += len(again[i].Encoded)
			if err != nil || again[i].Headers != nil {
				t.Fatalf("headers that Append wrote are decoded: %+v, %v", again[i].Headers, err)
			}
		}
	})
	if left == 0 {
		t.Error("no record had headers")
	}
}

// Headers that Append would write otherwise are decoded, as are Spanway's own, and so that the
// copy is what it was before.
func TestEncodedHeadersAreThoseThatAppendWrites(t *testing.T) {
	for what, test := range map[string]struct {
		headers []byte
		count   int
		left    bool
	}{
		"as they are written":     {[]byte{4, 2, 'a', 4, 'x', 'y', 2, 'a', 1}, 2, true},
		"an empty key and value":  {[]byte{2, 0, 0}, 1, true},
		"a null key":              {[]byte{2, 1, 0}, 1, false},
		"a padded length":         {[]byte{2, 0x82, 0, 'a', 0}, 1, false},
		"a padded null":           {[]byte{2, 2, 'a', 0x81, 0x80, 0}, 1, false},
		"a padded count":          {[]byte{0x82, 0, 2, 'a', 0}, 1, true}, // It is written anew.
		"a second one is padded":  {[]byte{4, 2, 'a', 0, 0x82, 0, 'b', 0}, 2, false},
		"one of Spanway's own":    {append([]byte{4, 2, 'a', 0, 2 * 14}, "spanway-origin\x02x"...), 2, false},
		"the prefix alone":        {append([]byte{2, 2 * 8}, "spanway-\x00"...), 1, false},
		"the prefix in the value": {append([]byte{2, 2, 'a', 2 * 9}, "spanway-x"...), 1, true},
	} {
		t.Run(what, func(t *testing.T) {
			body := append([]byte{0, 0, 0, 0x82, 0, 'k', 2, 'v'}, test.headers...) // The key's length is padded.
			data := binary.AppendVarint(encode(t, 1, batch.None)[:batch.HeaderSize:batch.HeaderSize], int64(len(body)))
			data = append(data, body...)
			binary.BigEndian.PutUint32(data[8:], uint32(len(data)-12))
			batch.Stamp(data, batch.NoProducer)
			want, b := decode(t, data, 0)
			if len(want) != 1 || len(want[0].Headers) != test.count {
				t.Fatalf("%+v", want)
			}
			d := batch.Decoder{Encoded: true}
			if got, err := d.Decode(nil, &b, 0); err != nil || (got[0].Encoded != nil) != test.left {
				t.Errorf("left as they are: %x, %v; want %v", got[0].Encoded, err, test.left)
			}
			sameEncoded(t, &b, want, nil)
		})
	}
}
