package mirrored_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"sync/atomic"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/eventlog/mirrored"
	"github.com/spanway/spanway/pkg/events"
)

var (
	here  = events.ClusterPartition{Cluster: "fra", Topic: "ams.orders", Partition: 3}
	there = events.ClusterPartition{Cluster: "ams", Topic: "orders", Partition: 3}
)

// placed is a log in memory that knows where it stands.
type placed struct {
	*memlog.Log
	strangers atomic.Int64
}

func newPlaced() *placed { return &placed{Log: memlog.New()} }

func (p *placed) Place(context.Context) (events.ClusterPartition, error) { return here, nil }
func (p *placed) Strangers(n int)                                        { p.strangers.Add(int64(n)) }

func add(t *testing.T, log eventlog.Log, records ...events.Record) {
	t.Helper()
	for i := range records {
		if _, err := log.Append(t.Context(), records[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
}

func record(n int) events.Record {
	r := events.Record{Timestamp: int64(n), Key: []byte("k"), Value: fmt.Appendf(nil, "value %d", n),
		Headers: []events.Header{{Key: "a", Value: []byte{byte(n)}}, {Key: "a"}}}
	if n%7 == 0 {
		r.Value, r.Headers = nil, []events.Header{}
	}
	return r
}

// copyOf is the copy of a record.
func copyOf(r *events.Record, generation uint32) events.Record {
	p := events.Provenance{Origin: events.Origin{ClusterPartition: there, Offset: r.Offset}, Generation: generation}
	return p.Mark(r, here)
}

// copied appends copies of records to a target, with gaps, strangers and doubles between.
func copied(t *testing.T, random *rand.Rand, target *placed, records []events.Record, generation uint32) (strangers int64) {
	t.Helper()
	for i := range records {
		add(t, target, copyOf(&records[i], generation))
		switch random.IntN(12) {
		case 0:
			target.Skip(int64(1 + random.IntN(3)))
		case 1:
			add(t, target, record(1000+i))
			strangers++
		case 2: // Headers of another record, as a program writes that copies them.
			forged := copyOf(&records[i], generation)
			forged.Value = []byte("forged")
			add(t, target, forged)
			strangers++
		case 3: // What the fence did not keep out.
			add(t, target, copyOf(&records[i], generation))
		}
	}
	return strangers
}

// read reads a log from an offset to its end.
func read(t *testing.T, log eventlog.Log, from int64) (all []events.Record, end int64) {
	t.Helper()
	for next := from; ; {
		page, err := log.Fetch(t.Context(), next, 0)
		if err != nil {
			t.Fatalf("fetch from %d: %v", next, err)
		}
		all = append(all, page.Records...)
		if page.Next >= page.End {
			return all, page.End
		}
		if page.Next <= next {
			t.Fatalf("a page from %d goes on at %d, and the log ends at %d", next, page.Next, page.End)
		}
		next = page.Next
	}
}

// equal compares a copy with its source from an offset on.
func equal(t *testing.T, source, copied eventlog.Log, from int64) {
	t.Helper()
	want, wantEnd := read(t, source, from)
	got, end := read(t, copied, from)
	if end != wantEnd || len(got) != len(want) {
		t.Fatalf("from %d the copy has %d records up to %d, want %d up to %d", from, len(got), end, len(want), wantEnd)
	}
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			t.Fatalf("the copy has\n%+v, want\n%+v", got[i], want[i])
		}
	}
}

// What is read of a copy is what was written, wherever the copy stands, from wherever it
// is read; so whatever judges and folds it comes to the same.
func TestACopyIsReadAsItWasWritten(t *testing.T) {
	for seed := range uint64(300) {
		random := rand.New(rand.NewPCG(seed, 1))
		source, target := memlog.New(), newPlaced()
		n := 1 + random.IntN(60)
		for i := range n {
			add(t, source, record(i))
		}
		first := int64(random.IntN(n))
		source.Truncate(first)
		source.PageRecords, target.PageRecords = 1+random.IntN(20), 1+random.IntN(20)
		target.Skip(int64(random.IntN(30)))
		strangers := copied(t, random, target, source.Records(), 1)
		log := mirrored.Of(target)
		start, end, err := eventlog.Bounds(t.Context(), log)
		if err != nil || start != first || end != source.End() {
			t.Fatalf("seed %d: the copy holds [%d, %d), want [%d, %d): %v", seed, start, end, first, source.End(), err)
		}
		for range 10 {
			equal(t, source, log, start+int64(random.IntN(int(end-start)+1)))
		}
		equal(t, source, log, start)
		equal(t, source, mirrored.Of(target), start)
		if _, err := log.Fetch(t.Context(), end+1, 0); !eventlog.IsOutOfRange(err) {
			t.Fatalf("seed %d: behind the end: %v", seed, err)
		}
		if _, err := log.Fetch(t.Context(), start-1, 0); start > 0 && !eventlog.IsOutOfRange(err) {
			t.Fatalf("seed %d: before the start: %v", seed, err)
		}
		if got := target.strangers.Load(); got < strangers {
			t.Fatalf("seed %d: %d strangers were counted, want at least %d", seed, got, strangers)
		}
	}
}

// A place far inside a large copy is found without reading all that is before it.
func TestAPlaceIsSearchedFor(t *testing.T) {
	target, source := newPlaced(), memlog.New()
	for i := range 40_000 {
		r := record(i)
		r.Offset = int64(i)
		add(t, source, r)
		add(t, target, copyOf(&r, 1))
		if i%100 == 0 {
			target.Skip(37)
		}
	}
	target.PageRecords, source.PageRecords = 500, 500
	counted := &counting{placed: target}
	log := mirrored.Of(counted)
	for _, from := range []int64{39_000, 20_000, 100, 39_999, 40_000} {
		equal(t, source, log, from)
	}
	counted.fetches = 0
	if _, err := mirrored.Of(counted).Fetch(t.Context(), 30_001, 0); err != nil || counted.fetches > 25 {
		t.Errorf("%d fetches for one page: %v", counted.fetches, err)
	}
}

// A source that was created again is the log alone, and followers are told by a new term.
func TestTheNewestGenerationCounts(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 7))
	target, older, newer := newPlaced(), memlog.New(), memlog.New()
	for i := range 20 {
		add(t, older, record(i))
		add(t, newer, record(100+i))
	}
	copied(t, random, target, older.Records(), 1)
	log := mirrored.Of(target)
	equal(t, older, log, 0)
	before, err := log.Fetch(t.Context(), 5, 0)
	if err != nil {
		t.Fatal(err)
	}
	copied(t, random, target, newer.Records()[:8], 2)
	newer.Lose(8)
	equal(t, newer, log, 0)
	equal(t, newer, mirrored.Of(target), 3)
	after, err := log.Fetch(t.Context(), 5, 0)
	if err != nil || after.Term == before.Term {
		t.Errorf("the term is %d as before, of what was created again: %v", after.Term, err)
	}
	if _, err := log.Fetch(t.Context(), 15, 0); !eventlog.IsOutOfRange(err) {
		t.Errorf("what the older one had at 15: %v", err)
	}
}

// A copy that lost its end stands elsewhere when it was copied again: nothing is passed over.
func TestACopyLosesItsEnd(t *testing.T) {
	source, target := memlog.New(), newPlaced()
	for i := range 40 {
		add(t, source, record(i))
	}
	all := source.Records()
	for i := range all[:30] {
		add(t, target, copyOf(&all[i], 1))
		target.Skip(1)
	}
	log := mirrored.Of(target)
	if got, _ := read(t, log, 0); len(got) != 30 {
		t.Fatalf("%d records, want 30", len(got))
	}
	target.Lose(40)
	for i := range all[20:] { // without gaps: what is new stands before where the copy ended
		add(t, target, copyOf(&all[20+i], 1))
	}
	equal(t, source, log, 30)
	equal(t, source, log, 0)
}

// What is no copy is read and written as it is; an empty log may become either.
func TestWhatIsNoCopyIsAsItIs(t *testing.T) {
	target := newPlaced()
	log := mirrored.Of(target)
	if page, err := log.Fetch(t.Context(), 0, 0); err != nil || page.End != 0 {
		t.Fatalf("an empty log: %+v, %v", page, err)
	}
	if _, err := log.Append(t.Context(), []events.Record{record(1)}); err != nil {
		t.Fatalf("append to an empty log: %v", err)
	}
	r := record(5)
	add(t, target, copyOf(&r, 1)) // of a link that copies into it, too
	got, _ := read(t, log, 0)
	if raw, _ := read(t, target, 0); !reflect.DeepEqual(got, raw) || target.strangers.Load() > 0 {
		t.Errorf("an own log is read as %+v, want %+v", got, raw)
	}
	if err := eventlog.Writable(t.Context(), log); err != nil {
		t.Error(err)
	}
}

// Nothing is written to a copy, also by what had opened it when it was empty.
func TestACopyIsReadOnly(t *testing.T) {
	target := newPlaced()
	log := mirrored.Of(target)
	if _, _, err := eventlog.Bounds(t.Context(), log); err != nil {
		t.Fatal(err)
	}
	r := record(5)
	add(t, target, copyOf(&r, 1))
	_, err := log.Append(t.Context(), []events.Record{record(1)})
	var readOnly *eventlog.ReadOnlyError
	if !errors.As(err, &readOnly) || readOnly.Of != there || !eventlog.IsRefused(err) || !eventlog.IsDenied(err) || target.End() != 1 {
		t.Errorf("append to a copy, which ends at %d: %v", target.End(), err)
	}
	if err := eventlog.Writable(t.Context(), log); !errors.As(err, &readOnly) {
		t.Errorf("writable: %v", err)
	}
}

// counting counts fetches.
type counting struct {
	*placed
	fetches int
}

func (c *counting) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	c.fetches++
	return c.placed.Fetch(ctx, from, wait)
}
