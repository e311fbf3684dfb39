package kafka

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/spanway/spanway/internal/kafka/batch"
	"github.com/spanway/spanway/pkg/events"
)

const (
	inTransaction = 0x10
	isControl     = 0x20
)

// stored is a batch as a broker may have it: of n records from offset base on,
// where last is the last offset that it had before compaction.
type stored struct {
	base, last int64
	n          int
	attributes uint16
	producer   int64
	marker     byte // of a control batch: 0 aborts, 1 commits
}

func (s stored) bytes(t *testing.T) []byte {
	t.Helper()
	records := make([]events.Record, max(s.n, 1))
	for i := range records {
		records[i].Value = fmt.Append(nil, s.base+int64(i))
		if s.attributes&isControl != 0 {
			records[i].Key = []byte{0, 0, 0, s.marker}
		}
	}
	b, err := batch.Append(nil, records, batch.None)
	if err != nil {
		t.Fatal(err)
	}
	if s.n == 0 { // what compaction leaves of a producer's last batch
		b = b[:batch.HeaderSize]
		binary.BigEndian.PutUint32(b[8:], batch.HeaderSize-12)
		binary.BigEndian.PutUint32(b[57:], 0)
	}
	binary.BigEndian.PutUint64(b, uint64(s.base))
	binary.BigEndian.PutUint16(b[21:], s.attributes)
	binary.BigEndian.PutUint32(b[23:], uint32(max(s.last, s.base+int64(s.n)-1)-s.base))
	batch.Stamp(b, batch.Producer{ID: s.producer})
	return b
}

func answer(t *testing.T, batches ...stored) *fetchedPartition {
	t.Helper()
	a := &fetchedPartition{LastStableOffset: 100, HighWatermark: 120}
	for _, s := range batches {
		a.Batches.data = append(a.Batches.data, s.bytes(t)...)
	}
	return a
}

func offsets(p events.Page) []int64 {
	out := []int64{}
	for i := range p.Records {
		out = append(out, p.Records[i].Offset)
	}
	return out
}

func TestPage(t *testing.T) {
	const data, control = inTransaction, inTransaction | isControl
	for _, test := range []struct {
		name    string
		from    int64
		aborted []abortedTxn
		batches []stored
		want    []int64
		next    int64
	}{
		{name: "nothing", from: 7, want: []int64{}, next: 7},
		{name: "from within a batch", from: 12, batches: []stored{{base: 10, n: 4}}, want: []int64{12, 13}, next: 14},
		{name: "the tail compacted away", from: 10, batches: []stored{{base: 10, n: 2, last: 19}}, want: []int64{10, 11}, next: 20},
		{name: "an empty batch", from: 10, batches: []stored{{base: 10, last: 14}, {base: 15, n: 1}}, want: []int64{15}, next: 16},
		{name: "only an empty batch", from: 10, batches: []stored{{base: 10, last: 14}}, want: []int64{}, next: 15},
		{name: "from within an empty batch", from: 12, batches: []stored{{base: 10, last: 14}}, want: []int64{}, next: 15},
		{name: "a commit at the end", from: 0, batches: []stored{{base: 0, n: 2, attributes: data, producer: 1}, {base: 2, n: 1, attributes: control, producer: 1, marker: 1}},
			want: []int64{0, 1}, next: 3},
		{name: "an abort at the end", from: 0, aborted: []abortedTxn{{1, 0}},
			batches: []stored{{base: 0, n: 2, attributes: data, producer: 1}, {base: 2, n: 1, attributes: control, producer: 1}},
			want:    []int64{}, next: 3},
		{name: "an abort between others", from: 0, aborted: []abortedTxn{{1, 1}},
			batches: []stored{
				{base: 0, n: 1}, {base: 1, n: 1, attributes: data, producer: 1}, {base: 2, n: 1, attributes: data, producer: 2},
				{base: 3, n: 1, attributes: data, producer: 1}, {base: 4, n: 1, attributes: control, producer: 1},
				{base: 5, n: 1, attributes: data, producer: 1}, {base: 6, n: 1, attributes: control, producer: 1, marker: 1},
			},
			want: []int64{0, 2, 5}, next: 7},
		{name: "two aborts of one producer", from: 0, aborted: []abortedTxn{{1, 0}, {1, 3}},
			batches: []stored{
				{base: 0, n: 1, attributes: data, producer: 1}, {base: 1, n: 1, attributes: control, producer: 1},
				{base: 2, n: 1, producer: 1}, {base: 3, n: 1, attributes: data, producer: 1}, {base: 4, n: 1, attributes: control, producer: 1},
			},
			want: []int64{2}, next: 5},
		{name: "an abort that began before the answer", from: 5, aborted: []abortedTxn{{1, 0}},
			batches: []stored{{base: 5, n: 1, attributes: data, producer: 1}, {base: 6, n: 1, attributes: control, producer: 1}},
			want:    []int64{}, next: 7},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := answer(t, test.batches...)
			a.Aborted = test.aborted
			page, _, err := readPage(a, test.from, false)
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(test.want, offsets(page)); d != "" || page.Next != test.next || page.End != 100 {
				t.Fatalf("next %d, want %d; end %d; %s", page.Next, test.next, page.End, d)
			}
		})
	}
}

// A batch that a hostile producer wrote must not keep its readers from what is
// behind it.
func TestPageGoesOnBehindWhatCannotBeDecoded(t *testing.T) {
	a := answer(t, stored{base: 0, n: 1}, stored{base: 1, n: 3, attributes: uint16(batch.Gzip), producer: -1}, stored{base: 4, n: 1})
	page, _, err := readPage(a, 0, false)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]int64{0, 3, 4}, offsets(page)); d != "" || page.Next != 5 {
		t.Fatalf("next %d, want 5; %s", page.Next, d)
	}
	_, _, err = events.Decode(&page.Records[1])
	var bad *events.Malformed
	if !errors.As(err, &bad) || bad.Code != events.CodeBadEnvelope || !strings.Contains(bad.Message, "gzip") {
		t.Errorf("the record that stands in is read as %v, want a refusal that says why", err)
	}
}

func TestPageCutAnywhere(t *testing.T) {
	a := answer(t, stored{base: 0, n: 3}, stored{base: 3, n: 3})
	whole := a.Batches.data
	first := batch.Length(whole)
	for n := range whole {
		a.Batches.data = whole[:n]
		page, _, err := readPage(a, 0, false)
		switch {
		case n == 0:
			if err != nil || page.Next != 0 {
				t.Fatal(page, err)
			}
		case n < first:
			if !errors.Is(err, batch.ErrPartial) {
				t.Fatalf("%d bytes: %v", n, err)
			}
		default:
			if err != nil || page.Next != 3 || len(page.Records) != 3 {
				t.Fatalf("%d bytes: %+v, %v", n, page, err)
			}
		}
	}
}

func TestPageCorrupt(t *testing.T) {
	a := answer(t, stored{base: 0, n: 3}, stored{base: 3, n: 3})
	a.Batches.data[len(a.Batches.data)-1] ^= 1
	if _, _, err := readPage(a, 0, false); !errors.Is(err, batch.ErrCorrupt) {
		t.Fatal(err)
	}
}
