package eventlog_test

import (
	"encoding/hex"
	"testing"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// chainVector is a batch of which the hash is written down. Never change one:
// what it pins is in logs that exist.
type chainVector struct {
	name  string
	prev  uint64
	batch []events.Record
	// covered is what is hashed, in hexadecimal, so that another language's
	// implementation can be compared step by step.
	covered string
	hash    uint64
}

func rec(value []byte, headers ...string) events.Record {
	r := events.Record{Value: value, Key: []byte("not covered"), Timestamp: 7, Offset: 9}
	for i := 0; i < len(headers); i += 2 {
		r.Headers = append(r.Headers, events.Header{Key: headers[i], Value: []byte(headers[i+1])})
	}
	return r
}

var chainVectors = []chainVector{
	{
		name:    "one record, no inputs",
		prev:    0,
		batch:   []events.Record{rec([]byte("abc"), "ce_type", "x", "ce_id", "not covered")},
		covered: "0000000000000000ffffffff000000017800000003616263",
		hash:    0x650c73495e132074,
	},
	{
		name: "two records with inputs, a null value and an empty one",
		prev: 0x0123456789abcdef,
		batch: []events.Record{
			rec(nil, "ce_type", "spanway.task.accepted.v1", "spanway-inputs", "in/0@7"),
			rec([]byte{}, "ce_type", ""),
		},
		covered: "0123456789abcdef00000006696e2f304037" +
			"000000187370616e7761792e7461736b2e61636365707465642e7631ffffffff" + "0000000000000000",
		hash: 0x03d7deec1b649bd2,
	},
	{
		name:    "no type, inputs of a later record are not covered",
		prev:    0xffffffffffffffff,
		batch:   []events.Record{rec([]byte{0}), rec([]byte{1, 2}, "spanway-inputs", "in/0@7")},
		covered: "ffffffffffffffffffffffff" + "ffffffff0000000100" + "ffffffff000000020102",
		hash:    0x486cec0f911952de,
	},
}

func TestHashVectors(t *testing.T) {
	t.Parallel()
	for _, v := range chainVectors {
		if got := eventlog.Hash(v.prev, v.batch); got != v.hash {
			t.Errorf("%s: hash is %#016x, want %#016x", v.name, got, v.hash)
		}
		covered, err := hex.DecodeString(v.covered)
		if err != nil {
			t.Fatal(err)
		}
		if got := xxhash.Sum64(covered); got != v.hash {
			t.Errorf("%s: XXH64 of the covered bytes is %#016x, want %#016x", v.name, got, v.hash)
		}
	}
}

func TestHeaderVector(t *testing.T) {
	t.Parallel()
	h := eventlog.Header{At: 258, Prev: 0x0123456789abcdef, Hash: 0xfedcba9876543210, Epoch: 7, Records: 3}
	const want = "0000000000000102" + "0123456789abcdef" + "fedcba9876543210" + "00000007" + "00000003"
	if got := hex.EncodeToString(h.Append(nil)); got != want {
		t.Errorf("header is %s, want %s", got, want)
	}
}

func FuzzParseHeader(f *testing.F) {
	f.Add(eventlog.Header{At: 1, Prev: 2, Hash: 3, Epoch: 4, Records: 5}.Append(nil))
	f.Add(make([]byte, eventlog.HeaderSize))
	f.Add([]byte("short"))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, err := eventlog.ParseHeader(b)
		if err != nil {
			return
		}
		if got := h.Append(nil); string(got) != string(b) {
			t.Errorf("%x came back as %x", b, got)
		}
		if h.Records == 0 {
			t.Error("a batch of no records was accepted")
		}
	})
}

func FuzzParsePositions(f *testing.F) {
	f.Add([]byte("spanway.tasks.requests/3@17,spanway.engines.reports/3@4"))
	f.Add([]byte("a/0@-1"))
	f.Add([]byte(",,"))
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := eventlog.ParsePositions(b)
		if err != nil {
			return
		}
		again, err := eventlog.ParsePositions(p.Append(nil))
		if err != nil || len(again) != len(p) {
			t.Errorf("%q was read as %v, and that as %v (%v)", b, p, again, err)
		}
	})
}
