package scheduler

import (
	"context"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

func newInputs(t *testing.T, requests, reports eventlog.Log) *inputs {
	t.Helper()
	prepare := func(_ string, _ int32, rec *events.Record) any { return string(rec.Value) }
	in := &inputs{
		ctx:      t.Context(),
		requests: &pump{at: eventlog.TopicPartition{Topic: "requests"}, log: requests, prepare: prepare, now: time.Now},
		reports:  &pump{at: eventlog.TopicPartition{Topic: "reports"}, log: reports, prepare: prepare, now: time.Now},
	}
	t.Cleanup(in.close)
	return in
}

func put(t *testing.T, l eventlog.Log, values ...string) {
	t.Helper()
	for _, v := range values {
		if _, err := l.Append(context.Background(), []events.Record{{Value: []byte(v)}}); err != nil {
			t.Fatal(err)
		}
	}
}

// collect asks until n inputs have come and the reports are known to be read.
func collect(t *testing.T, in *inputs, n int) (got []string, last eventlog.Arrivals) {
	t.Helper()
	for len(got) < n || last.ReadTo == 0 {
		a, err := in.Next(t.Context(), time.Second)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range a.Inputs {
			got = append(got, i.Topic+":"+i.Prepared.(string))
		}
		last = a
	}
	return got, last
}

func TestInputsMergeAndSeek(t *testing.T) {
	t.Parallel()
	requests, reports := memlog.New(), memlog.New()
	put(t, requests, "a", "b")
	put(t, reports, "x", "y")
	in := newInputs(t, requests, reports)
	before := time.Now().UnixMilli()
	in.Seek(map[eventlog.TopicPartition]int64{{Topic: "requests"}: 1})
	got, last := collect(t, in, 3)
	seen := map[string]bool{}
	for _, g := range got {
		seen[g] = true
	}
	if len(got) != 3 || !seen["requests:b"] || !seen["reports:x"] || !seen["reports:y"] {
		t.Errorf("got %v", got)
	}
	if last.ReadTo < before || in.handed != 2 {
		t.Errorf("read to %d, handed %d", last.ReadTo, in.handed)
	}
	in.Seek(nil)
	if got, _ := collect(t, in, 4); len(got) != 4 {
		t.Errorf("after a seek to the beginning: %v", got)
	}
}

// gated is a log whose fetches wait for the test.
type gated struct {
	eventlog.Log
	gate chan struct{}
}

func (g gated) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	select {
	case <-g.gate:
		return g.Log.Fetch(ctx, from, wait)
	case <-ctx.Done():
		return events.Page{}, ctx.Err()
	}
}

// Silence may be concluded only from what was read, never from the clock.
func TestReadToWaitsForTheReports(t *testing.T) {
	t.Parallel()
	g := gated{memlog.New(), make(chan struct{})}
	put(t, g, "x")
	in := newInputs(t, memlog.New(), g)
	in.Seek(nil)
	a, err := in.Next(t.Context(), 10*time.Millisecond)
	if err != nil || a.ReadTo != 0 {
		t.Fatalf("read to %d before anything was read, %v", a.ReadTo, err)
	}
	close(g.gate)
	if _, last := collect(t, in, 1); last.ReadTo == 0 {
		t.Error("read to nothing after everything was read")
	}
}

// An input that has lost its tail goes on where it ends: what comes there is new.
func TestInputsThatLostTheirTailGoOn(t *testing.T) {
	t.Parallel()
	requests := memlog.New()
	put(t, requests, "a")
	in := newInputs(t, requests, memlog.New())
	gone := make(chan [2]int64, 1)
	in.requests.gone = func(_ eventlog.TopicPartition, from, to int64) { gone <- [2]int64{from, to} }
	in.Seek(map[eventlog.TopicPartition]int64{{Topic: "requests"}: 5})
	if got := <-gone; got != [2]int64{5, 1} {
		t.Errorf("told that %v are gone, want from 5, on at 1", got)
	}
	put(t, requests, "b")
	if got, _ := collect(t, in, 1); got[0] != "requests:b" {
		t.Errorf("got %v", got)
	}
}
