package events_test

import (
	"bytes"
	"encoding/hex"
	"math"
	"reflect"
	"slices"
	"testing"

	"github.com/spanway/spanway/pkg/events"
)

var (
	here  = events.ClusterPartition{Cluster: "fra", Topic: "orders", Partition: 3}
	there = events.ClusterPartition{Cluster: "4L6g3nShT-eMCtK--X86sw", Topic: "orders", Partition: 3}
)

func original() events.Record {
	return events.Record{Offset: 17, Timestamp: 1_700_000_000_000, Key: []byte("k"), Value: []byte("v"), Headers: []events.Header{
		{Key: "a", Value: []byte("1")}, {Key: "a"}, {Key: events.HeaderLog, Value: []byte("kept")}, {Key: "a", Value: []byte("1")},
	}}
}

func TestProvenanceGoesWithTheCopy(t *testing.T) {
	r := original()
	for _, p := range []events.Provenance{
		{Origin: events.Origin{ClusterPartition: there, Offset: 17}, Generation: 1},
		{Origin: events.Origin{ClusterPartition: there, Offset: math.MaxInt64}, Generation: math.MaxUint32, Earlier: []events.Hop{{"ams", 0}, {"lon", 9}}},
	} {
		c := p.Mark(&r, here)
		if got, ok := events.ProvenanceOf(&c, here); !ok || !reflect.DeepEqual(got, p) {
			t.Errorf("the copy's provenance is %+v, %v; want %+v", got, ok, p)
		}
		if !reflect.DeepEqual(c.Headers[:len(r.Headers)], r.Headers) || !bytes.Equal(c.Value, r.Value) || c.Timestamp != r.Timestamp {
			t.Errorf("the copy is %+v, of %+v", c, r)
		}
		// A copy of the copy has the newer provenance, once.
		next := events.Provenance{Origin: events.Origin{ClusterPartition: here, Offset: 99}, Generation: 1, Earlier: append(slices.Clone(p.Earlier), events.Hop{p.Cluster, p.Offset})}
		cc := next.Mark(&c, there)
		if got, ok := events.ProvenanceOf(&cc, there); !ok || !reflect.DeepEqual(got, next) || len(cc.Headers) != len(c.Headers) {
			t.Errorf("the copy's copy has %d headers, provenance %+v, %v; want %+v", len(cc.Headers), got, ok, next)
		}
		if !next.Passed(there.Cluster) || !next.Passed("fra") || next.Passed("ber") || next.Born() != append(p.Earlier, events.Hop{"", p.Offset})[0].Offset {
			t.Errorf("the way of %+v is not told", next)
		}
	}
}

// What a program writes is new, whatever headers it has taken over: dropping it as an echo
// would lose it.
func TestCopiedHeadersAreNoProvenance(t *testing.T) {
	r := original()
	p := events.Provenance{Origin: events.Origin{ClusterPartition: there, Offset: 17}, Generation: 1}
	at := here
	for what, change := range map[string]func(c *events.Record){
		"another value":      func(c *events.Record) { c.Value = []byte("w") },
		"no value":           func(c *events.Record) { c.Value = nil },
		"an empty value":     func(c *events.Record) { c.Value = []byte{} },
		"another key":        func(c *events.Record) { c.Key = []byte("l") },
		"no key":             func(c *events.Record) { c.Key = nil },
		"a later time":       func(c *events.Record) { c.Timestamp++ },
		"key and value":      func(c *events.Record) { c.Key, c.Value = []byte("kv"), []byte{} },
		"another topic":      func(*events.Record) { at.Topic = "copies" },
		"another partition":  func(*events.Record) { at.Partition = 4 },
		"another cluster":    func(*events.Record) { at.Cluster = "ber" },
		"another origin":     func(c *events.Record) { c.Headers[4].Value = []byte(there.Cluster + "/orders/3/18") },
		"another generation": func(c *events.Record) { c.Headers[5].Value[11]++ },
		"a longer way":       func(c *events.Record) { c.Headers[5].Value = append(c.Headers[5].Value, "ams/1"...) },
		"origin twice":       func(c *events.Record) { c.Headers = append(c.Headers, c.Headers[4]) },
		"trail twice":        func(c *events.Record) { c.Headers = append(c.Headers, c.Headers[5]) },
		"no origin":          func(c *events.Record) { c.Headers = slices.Delete(c.Headers, 4, 5) },
		"no trail":           func(c *events.Record) { c.Headers = c.Headers[:5] },
		"a short trail":      func(c *events.Record) { c.Headers[5].Value = c.Headers[5].Value[:11] },
		"null":               func(c *events.Record) { c.Headers[5].Value = nil },
	} {
		at = here
		c := p.Mark(&r, at)
		change(&c)
		if got, ok := events.ProvenanceOf(&c, at); ok {
			t.Errorf("%s: the record has the provenance %+v", what, got)
		}
	}
}

func TestOriginsAreReadStrictly(t *testing.T) {
	for _, bad := range []string{"", "a", "a/b/1", "a/b/1/2/3", "/b/1/2", "a//1/2", "a/b/-1/2", "a/b/1/-2", "a/b/01/2", "a/b/+1/2", "a/b/2147483648/2", "a b/c/1/2", "a,b/c/1/2", "a/b/1/9223372036854775808", "a/b/1/2\n"} {
		if o, err := events.ParseOrigin([]byte(bad)); err == nil {
			t.Errorf("%q is read as %+v", bad, o)
		}
	}
	want := events.Origin{ClusterPartition: there, Offset: 42}
	if o, err := events.ParseOrigin([]byte(want.String())); err != nil || o != want {
		t.Errorf("%s is read as %+v: %v", want, o, err)
	}
}

// The bytes of docs/wire.md, for those who write another replicator or reader.
func TestProvenanceGolden(t *testing.T) {
	r := original()
	p := events.Provenance{Origin: events.Origin{ClusterPartition: there, Offset: 17}, Generation: 2, Earlier: []events.Hop{{"ams", 5}, {"lon", 9}}}
	c := p.Mark(&r, here)
	if got := string(c.Headers[4].Value); got != "4L6g3nShT-eMCtK--X86sw/orders/3/17" {
		t.Errorf("%s: %s", events.HeaderOrigin, got)
	}
	if got := hex.EncodeToString(c.Headers[5].Value); got != "66e9ba5d399f519a"+"00000002"+hex.EncodeToString([]byte("ams/5,lon/9")) {
		t.Errorf("%s: %s", events.HeaderTrail, got)
	}
}

func FuzzProvenance(f *testing.F) {
	r := original()
	p := events.Provenance{Origin: events.Origin{ClusterPartition: there, Offset: 17}, Generation: 1, Earlier: []events.Hop{{"ams", 5}}}
	c := p.Mark(&r, here)
	f.Add(c.Headers[4].Value, c.Headers[5].Value)
	f.Fuzz(func(t *testing.T, origin, trail []byte) {
		c.Headers[4].Value, c.Headers[5].Value = origin, trail
		if p, ok := events.ProvenanceOf(&c, here); ok {
			if again := p.Mark(&r, here); !bytes.Equal(again.Headers[4].Value, origin) || !bytes.Equal(again.Headers[5].Value, trail) {
				t.Errorf("%q %q is read as %+v, which is written as %q %q", origin, trail, p, again.Headers[4].Value, again.Headers[5].Value)
			}
		}
	})
}
