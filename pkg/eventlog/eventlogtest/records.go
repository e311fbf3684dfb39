package eventlogtest

import (
	"bytes"
	"context"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

func emptyLog(t *testing.T, open func() eventlog.Log) {
	page, err := open().Fetch(within(t), 0, 0)
	if err != nil || len(page.Records) != 0 || page.Next != 0 || page.Start != 0 || page.End != 0 {
		t.Errorf("page %+v, %v", page, err)
	}
}

// odd are records with everything that a careless codec loses.
func odd() []events.Record {
	return []events.Record{
		{Timestamp: 1_700_000_000_000, Key: []byte("k"), Value: []byte("v"), Headers: []events.Header{
			{Key: "b", Value: []byte("2")}, {Key: "a", Value: nil}, {Key: "b", Value: []byte{}},
		}},
		{Timestamp: 1_700_000_000_005, Key: nil, Value: nil},
		{Timestamp: 1_699_999_999_000, Key: []byte{}, Value: []byte{}},
	}
}

func roundTrip(t *testing.T, open func() eventlog.Log) {
	log := open()
	appendAt(t, log, 0, odd()...)
	appendAt(t, log, 3, odd()[:1]...)
	appendAt(t, log, 4, odd()...)
	want := append(append(odd(), odd()[:1]...), odd()...)
	got := readAll(t, open(), 0)
	if len(got) != len(want) {
		t.Fatalf("%d records came back, want %d", len(got), len(want))
	}
	for i := range want {
		want[i].Offset = int64(i)
		if len(got[i].Headers) == 0 {
			got[i].Headers = nil
		}
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Errorf("record %d came back as %+v, want %+v", i, got[i], want[i])
		}
	}
}

func plain(n int) []events.Record {
	out := make([]events.Record, n)
	for i := range out {
		out[i] = events.Record{Timestamp: 1_700_000_000_000, Value: fmt.Append(nil, i)}
	}
	return out
}

func fetchAnywhere(t *testing.T, open func() eventlog.Log) {
	log := open()
	appendAt(t, log, 0, plain(10)...)
	appendAt(t, log, 10, plain(10)...)
	for from := range int64(21) {
		got := readAll(t, log, from)
		if len(got) != int(20-from) {
			t.Fatalf("%d records from %d, want %d", len(got), from, 20-from)
		}
		for i := range got {
			if got[i].Offset != from+int64(i) {
				t.Fatalf("record %d from %d has offset %d", i, from, got[i].Offset)
			}
		}
	}
}

func outOfRange(t *testing.T, open func() eventlog.Log) {
	log := open()
	appendAt(t, log, 0, plain(3)...)
	for _, from := range []int64{4, 1000} {
		page, err := log.Fetch(within(t), from, 0)
		if !eventlog.IsOutOfRange(err) {
			t.Errorf("fetch from %d: %+v, %v; want an error that says out of range", from, page, err)
		}
	}
}

func waits(t *testing.T, open func() eventlog.Log) {
	reader, writer := open(), open()
	appendAt(t, writer, 0, plain(1)...)
	type answer struct {
		page events.Page
		err  error
	}
	answers, ctx := make(chan answer, 1), within(t)
	go func() {
		page, err := reader.Fetch(ctx, 1, patience)
		answers <- answer{page, err}
	}()
	appendAt(t, writer, 1, plain(2)...)
	a := <-answers
	if a.err != nil || len(a.page.Records) == 0 || a.page.Records[0].Offset != 1 {
		t.Errorf("the waiting fetch got %+v, %v", a.page, a.err)
	}
}

func waitsNoLonger(t *testing.T, open func() eventlog.Log) {
	log := open()
	appendAt(t, log, 0, plain(1)...)
	for _, wait := range []time.Duration{0, 20 * time.Millisecond} {
		page, err := log.Fetch(within(t), 1, wait)
		if err != nil || len(page.Records) != 0 || page.Next != 1 || page.End != 1 {
			t.Errorf("after %v at the end: %+v, %v", wait, page, err)
		}
	}
}

func waitsWithContext(t *testing.T, open func() eventlog.Log) {
	log := open()
	ctx, cancel := context.WithCancel(within(t))
	result := make(chan error, 1)
	go func() {
		_, err := log.Fetch(ctx, 0, patience)
		result <- err
	}()
	cancel()
	if err := <-result; err == nil {
		t.Error("a fetch whose context ended answered without an error")
	}
}

func memory(t *testing.T, open func() eventlog.Log) {
	log := open()
	batch := plain(2)
	appendAt(t, log, 0, batch...)
	copy(batch[0].Value, "X")
	first := readAll(t, log, 0)
	kept := bytes.Clone(first[0].Value)
	appendAt(t, log, 2, batch...)
	second := readAll(t, log, 0)
	if string(first[0].Value) != "0" || !bytes.Equal(kept, first[0].Value) {
		t.Errorf("an appended or fetched record changed: %q", first[0].Value)
	}
	if string(second[0].Value) != "0" || string(second[2].Value) != "X" {
		t.Errorf("records are %q and %q, want 0 and X", second[0].Value, second[2].Value)
	}
}

func largeBatch(t *testing.T, open func() eventlog.Log) {
	log := open()
	random := rand.NewChaCha8([32]byte{1})
	batch := make([]events.Record, 15)
	for i := range batch {
		batch[i] = events.Record{Timestamp: 1_700_000_000_000, Value: make([]byte, 120<<10)}
		_, _ = random.Read(batch[i].Value)
	}
	appendAt(t, log, 0, plain(1)...)
	appendAt(t, log, 1, batch...)
	appendAt(t, log, 16, plain(1)...)
	got := readAll(t, open(), 1)
	if len(got) != 16 {
		t.Fatalf("%d records, want 16", len(got))
	}
	for i := range batch {
		if !bytes.Equal(got[i].Value, batch[i].Value) {
			t.Errorf("record %d of the large batch came back changed", i)
		}
	}
}

func manyWriters(t *testing.T, open func() eventlog.Log) {
	const writers, batches, size = 3, 20, 3
	ctx := within(t)
	var all sync.WaitGroup
	bases := make([][]int64, writers)
	for w := range writers {
		log := open()
		all.Go(func() {
			for range batches {
				base, err := log.Append(ctx, plain(size))
				if err != nil {
					t.Errorf("append: %v", err)
				}
				bases[w] = append(bases[w], base)
			}
		})
	}
	all.Wait()
	taken := map[int64]bool{}
	for _, list := range bases {
		last := int64(-1)
		for _, base := range list {
			if base%size != 0 || base <= last || taken[base] {
				t.Errorf("a batch was acknowledged at %d after %d", base, last)
			}
			last, taken[base] = base, true
		}
	}
	for i, r := range readAll(t, open(), 0) {
		if want := fmt.Sprint(i % size); string(r.Value) != want || r.Offset != int64(i) {
			t.Fatalf("record %d is %q at %d, want %q: batches are mixed", i, r.Value, r.Offset, want)
		}
	}
}
