package logowner

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// writer writes an owned log by hand.
type writer struct {
	*memlog.Log
	t       *testing.T
	history uint64
	epoch   uint32
}

func (w *writer) append(at int64, prev uint64, epoch uint32, records ...events.Record) (hash uint64) {
	w.t.Helper()
	h := eventlog.Header{At: at, Prev: prev, Hash: eventlog.Hash(prev, records), Epoch: epoch, Records: uint32(len(records))}
	records[0].Headers = append(records[0].Headers, events.Header{Key: events.HeaderLog, Value: h.Append(nil)})
	if _, err := w.Append(w.t.Context(), records); err != nil {
		w.t.Fatal(err)
	}
	return h.Hash
}

func (w *writer) claim() {
	w.t.Helper()
	w.epoch++
	r, err := events.Encoder{Source: "/test"}.Encode("claim", &events.LogClaimed{ClaimId: make([]byte, 16)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.history = w.append(w.End(), w.history, w.epoch, r)
}

func (w *writer) records(ids []string) (out []events.Record) {
	w.t.Helper()
	for _, id := range ids {
		r, err := events.Encoder{Source: "/test"}.Encode("id", &events.TaskProgressed{TaskId: id})
		if err != nil {
			w.t.Fatal(err)
		}
		out = append(out, r)
	}
	return out
}

// batch appends one that counts; moved, if it is not 0, is by how much it lands behind
// where its writer expected it.
func (w *writer) batch(moved int64, ids ...string) {
	w.t.Helper()
	w.history = w.append(w.End()-moved, w.history, w.epoch, w.records(ids)...)
}

// zombie appends a batch of the epoch before, decided on another history.
func (w *writer) zombie(ids ...string) {
	w.t.Helper()
	w.append(w.End()-1, 99, w.epoch-1, w.records(ids)...)
}

// ownedInput merges one input, which is an owned log.
func ownedInput(t *testing.T, log eventlog.Log, was *trail) (*merge[string], chan [2]int64) {
	t.Helper()
	at, gone := eventlog.TopicPartition{Topic: "in"}, make(chan [2]int64, 10)
	m := newMerge(t.Context(), &merged[string]{source: source[string]{
		at: at, log: log, now: time.Now, view: &counted{at: at}, trail: was,
		gone:   func(_ eventlog.TopicPartition, from, next int64) { gone <- [2]int64{from, next} },
		missed: func(_ string, _ int32, from, to int64) string { return fmt.Sprintf("missed %d to %d", from, to) },
		prepare: func(_ string, _ int32, rec *events.Record) string {
			if m, _ := events.Message(rec); m != nil {
				if p, ok := m.(*events.TaskProgressed); ok {
					return p.TaskId
				}
			}
			return string(events.TypeOfRecord(rec))
		},
	}})
	t.Cleanup(m.close)
	return m, gone
}

// handed collects inputs until n have come, and the positions behind them.
func handed(t *testing.T, m *merge[string], n int) (got []string, positions []int64) {
	t.Helper()
	for until := time.Now().Add(time.Minute); len(got) < n && time.Now().Before(until); {
		a, err := m.Next(t.Context(), eventlog.Wait{For: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		for _, in := range a.Inputs {
			got, positions = append(got, in.Value), append(positions, in.Offset+1)
		}
	}
	return got, positions
}

func from(position int64) map[eventlog.TopicPartition]int64 {
	return map[eventlog.TopicPartition]int64{{Topic: "in"}: position}
}

const claimed = string(events.TypeLogClaimed)

// Of an owned log only what counts is handed on; from each position on exactly the
// rest, wherever it is, and whatever the reader must begin behind.
func TestOfAnOwnedLogWhatCountsIsHandedOn(t *testing.T) {
	t.Parallel()
	w := &writer{Log: memlog.New(), t: t}
	w.claim()
	w.batch(0, "a", "b", "c")
	w.claim()
	w.zombie("old", "old")
	w.batch(2, "d", "e") // It counts, although it landed behind a leftover.
	w.zombie("old")
	w.batch(1, "f")
	w.batch(0, "g", "h")
	want := []string{claimed, "a", "b", "c", claimed, "d", "e", "f", "g", "h"}
	for _, page := range []int{1, 2, 100} {
		w.PageRecords = page
		m, gone := ownedInput(t, w, nil)
		m.Seek(from(0))
		got, positions := handed(t, m, len(want))
		if !slices.Equal(got, want) {
			t.Fatalf("pages of %d: handed on %q, want %q", page, got, want)
		}
		for i, position := range positions[:len(want)-1] {
			m.Seek(from(position))
			if rest, _ := handed(t, m, len(want)-i-1); !slices.Equal(rest, want[i+1:]) {
				t.Errorf("pages of %d: from %d on: handed on %q, want %q", page, position, rest, want[i+1:])
			}
		}
		m.close()
		if len(gone) > 0 {
			t.Errorf("told of a loss: %v", <-gone)
		}
	}
}

// A batch is handed on when all of it was read, and only then.
func TestABatchIsHandedOnWhole(t *testing.T) {
	t.Parallel()
	w := &writer{Log: memlog.New(), t: t}
	w.claim()
	first, rest := w.records([]string{"a"}), w.records([]string{"b", "c"})
	all := append(slices.Clone(first), rest...)
	h := eventlog.Header{At: 1, Prev: w.history, Hash: eventlog.Hash(w.history, all), Epoch: 1, Records: 3}
	first[0].Headers = append(first[0].Headers, events.Header{Key: events.HeaderLog, Value: h.Append(nil)})
	if _, err := w.Append(t.Context(), first); err != nil { // As a copy may be batched anew.
		t.Fatal(err)
	}
	m, _ := ownedInput(t, w, nil)
	m.Seek(from(0))
	if got, _ := handed(t, m, 1); !slices.Equal(got, []string{claimed}) {
		t.Fatalf("handed on %q", got)
	}
	if a, err := m.Next(t.Context(), eventlog.Wait{For: 300 * time.Millisecond}); err != nil || len(a.Inputs) > 0 {
		t.Fatalf("handed on %v of half a batch, %v", a.Inputs, err)
	}
	if _, err := w.Append(t.Context(), rest); err != nil {
		t.Fatal(err)
	}
	if got, _ := handed(t, m, 3); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("handed on %q", got)
	}
}

// A truncation that overtook the owner is a loss, and is told; so is a tail that was
// lost, also if it has grown again.
func TestLossesOfAnOwnedInputAreTold(t *testing.T) {
	t.Parallel()
	w := &writer{Log: memlog.New(), t: t}
	w.claim()
	for i := range 5 {
		w.batch(0, fmt.Sprint(i, "a"), fmt.Sprint(i, "b"))
	}
	w.Truncate(7) // Where the fourth batch begins.
	m, gone := ownedInput(t, w, nil)
	m.Seek(from(3))
	got, positions := handed(t, m, 5)
	if !slices.Equal(got, []string{"missed 3 to 7", "3a", "3b", "4a", "4b"}) || positions[0] != 7 {
		t.Errorf("after a truncation: handed on %q up to %d", got, positions)
	}
	if told := <-gone; told != [2]int64{3, 7} {
		t.Errorf("told of %v", told)
	}

	w.Lose(9)
	w.history = headerAt(t, w, 7).Hash
	w.claim()
	w.batch(0, "new a", "new b", "new c")
	if got, _ := handed(t, m, 4); !slices.Equal(got, []string{claimed, "new a", "new b", "new c"}) {
		t.Errorf("after a tail was lost: handed on %q", got)
	}
	if told := <-gone; told[1] != 9 {
		t.Errorf("told of %v, want on from 9", told)
	}
}

func headerAt(t *testing.T, log eventlog.Log, offset int64) eventlog.Header {
	t.Helper()
	page, err := log.Fetch(t.Context(), offset, 0)
	if err != nil {
		t.Fatal(err)
	}
	value, _ := page.Records[0].Header(events.HeaderLog)
	h, err := eventlog.ParseHeader(value)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// lagging is an input whose new leader shows what is below shows only, until it was
// asked twice for what stands at an offset.
type lagging struct {
	eventlog.Log
	shows, at int64
	asked     int // by the source's goroutine alone
}

func (l *lagging) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if from == l.at {
		l.asked++
	}
	page, err := l.Log.Fetch(ctx, from, wait)
	if err != nil || l.asked >= 2 {
		return page, err
	}
	n := 0
	for n < len(page.Records) && page.Records[n].Offset < l.shows {
		n++
	}
	page.Records, page.End = page.Records[:n], l.shows
	page.Next = max(from, min(page.Next, l.shows))
	return page, nil
}

// An owner that begins when the leader of its input is new loses nothing of it.
func TestAnOwnedInputThatIsNotShownYet(t *testing.T) {
	t.Parallel()
	w := &writer{Log: memlog.New(), t: t}
	w.claim()
	for _, id := range []string{"a", "b", "c", "d", "e"} {
		w.batch(0, id)
	}
	m, gone := ownedInput(t, &lagging{Log: w, shows: 2, at: 4}, nil)
	m.Seek(from(4))
	if got, _ := handed(t, m, 2); !slices.Equal(got, []string{"d", "e"}) {
		t.Errorf("handed on %q, want what stands from 4 on", got)
	}
	if len(gone) > 0 {
		t.Errorf("told of a loss: %v", <-gone)
	}
}
