package events_test

import (
	"reflect"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

// Headers that are encoded stand in front of the others, and are found like them.
func TestEncodedHeaders(t *testing.T) {
	r := events.Record{
		Encoded: events.EncodedHeaders{6, 2, 'a', 2, '1', 2, 'b', 1, 2, 'a', 0},
		Headers: []events.Header{{Key: "b", Value: []byte("2")}, {Key: "spanway-c", Value: []byte("3")}},
	}
	want := []events.Header{{Key: "a", Value: []byte("1")}, {Key: "b"}, {Key: "a", Value: []byte{}}, r.Headers[0], r.Headers[1]}
	if got := r.AllHeaders(); !reflect.DeepEqual(got, want) {
		t.Errorf("all headers are %+v, want %+v", got, want)
	}
	if a, ok := r.Header("a"); !ok || string(a) != "1" {
		t.Errorf("a is %q, %v", a, ok)
	}
	if b, ok := r.Header("b"); !ok || b != nil {
		t.Errorf("b is %q, %v", b, ok)
	}
	if c, ok := r.Header("spanway-c"); !ok || string(c) != "3" {
		t.Errorf("spanway-c is %q, %v", c, ok)
	}
	if d, ok := r.Header("d"); ok {
		t.Errorf("d is %q", d)
	}
	whole := events.Record{Headers: want}
	if r.Size() > whole.Size() {
		t.Errorf("its size is %d, decoded %d", r.Size(), whole.Size())
	}
	// Its copy has them as they are.
	p := events.Provenance{Origin: events.Origin{ClusterPartition: there, Offset: 17}, Generation: 1}
	marked, other := p.Mark(&r, here), p.Mark(&whole, here)
	if !reflect.DeepEqual(marked.AllHeaders(), other.AllHeaders()) || len(marked.Encoded) != len(r.Encoded) {
		t.Errorf("the copy has %+v, want %+v", marked.AllHeaders(), other.AllHeaders())
	}
}

// FuzzEncodedHeaders: no bytes make them panic, or be more than there are.
func FuzzEncodedHeaders(f *testing.F) {
	f.Add([]byte{6, 2, 'a', 2, '1', 2, 'b', 1, 2, 'a', 0})
	f.Add([]byte{4, 6, 'a', 0}[:3:3])
	f.Add([]byte{0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2})
	f.Add([]byte{2, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, data []byte) {
		r := events.Record{Encoded: data}
		n, _ := r.Encoded.Cut()
		bytes := 0
		all := r.AllHeaders()
		for _, h := range all {
			bytes += len(h.Key) + len(h.Value)
		}
		if len(all) > n || bytes > len(data) {
			t.Errorf("%d headers of %d, %d bytes of %d", len(all), n, bytes, len(data))
		}
		r.Header("a")
	})
}
