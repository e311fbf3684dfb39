package logowner

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanway/spanway/internal/telemetry/trouble"
	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// inputs merges the reports of a topic, by which silence is measured, with requests.
type inputs struct {
	*merge[string]
	reports, requests *merged[string]
}

func newInputs(t *testing.T, requests, reports eventlog.Log) *inputs {
	t.Helper()
	of := func(topic string, log eventlog.Log) *merged[string] {
		return &merged[string]{source: source[string]{
			at: eventlog.TopicPartition{Topic: topic}, log: log, now: time.Now,
			prepare: func(_ string, _ int32, rec *events.Record) string { return string(rec.Value) },
		}}
	}
	in := &inputs{reports: of("reports", reports), requests: of("requests", requests)}
	in.reports.silence = true
	in.merge = newMerge(t.Context(), in.reports, in.requests)
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
func collect(t *testing.T, in *inputs, n int) (got []string, last eventlog.Arrivals[string]) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for len(got) < n || last.ReadTo == 0 {
		a, err := in.Next(ctx, eventlog.Wait{For: time.Second})
		if err != nil {
			t.Fatalf("%v; got %v", err, got)
		}
		for _, i := range a.Inputs {
			got = append(got, i.Topic+":"+i.Value)
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
	if last.ReadTo < before || in.handed("reports") != 2 {
		t.Errorf("read to %d, handed %d", last.ReadTo, in.handed("reports"))
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
	a, err := in.Next(t.Context(), eventlog.Wait{For: 10 * time.Millisecond})
	if err != nil || a.ReadTo != 0 {
		t.Fatalf("read to %d before anything was read, %v", a.ReadTo, err)
	}
	close(g.gate)
	if _, last := collect(t, in, 1); last.ReadTo == 0 {
		t.Error("read to nothing after everything was read")
	}
}

// An input that ends below where it was read to is read again: none of what came since
// is left out, whether or not the reader knows what was there before. What may have been
// read before is marked.
func TestInputsThatLostTheirTailAreReadAgain(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		old, position int // so many were read by this process, and by others
		left          int
		from          int64 // is read again, of what came since at left
		again         int   // may have been read before
	}{
		"by others, all is lost":            {0, 5, 0, 0, 0},
		"by others, some is left":           {0, 5, 3, 0, 3},
		"by this process, some is left":     {6, 0, 3, 3, 0},
		"by this process, all is lost":      {6, 0, 0, 0, 0},
		"by both, less is left than others": {3, 10, 7, 0, 7},
		"by both, more is left than others": {3, 10, 11, 11, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requests := memlog.New()
			put(t, requests, numbered("old", c.position+c.old)...)
			in := newInputs(t, requests, memlog.New())
			gone := make(chan [2]int64, 2)
			in.requests.gone = func(_ eventlog.TopicPartition, from, to int64) { gone <- [2]int64{from, to} }
			if c.old == 0 {
				requests.Lose(int64(c.left))
			}
			in.Seek(map[eventlog.TopicPartition]int64{{Topic: "requests"}: int64(c.position)})
			if c.old > 0 {
				collect(t, in, c.old)
				requests.Lose(int64(c.left))
			}
			if got, want := <-gone, [2]int64{int64(c.position + c.old), c.from}; got != want {
				t.Errorf("told that it goes on from %d at %d, want from %d at %d", got[0], got[1], want[0], want[1])
			}
			put(t, requests, "new0", "new1")
			n := c.left - int(c.from)
			got, again := collectAgain(t, in, n+2)
			if got[n] != "requests:new0" || got[n+1] != "requests:new1" || again != c.again {
				t.Errorf("got %v, of which %d are marked; want %d marked, and two new ones", got, again, c.again)
			}
		})
	}
}

// Until all that is left of such an input is read again, that is what is in the way.
func TestAnInputThatIsReadAgainIsTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		left := memlog.New()
		put(t, left, numbered("old", 3)...)
		g := gated{left, make(chan struct{}, 2)}
		board := trouble.NewBoard(slog.New(slog.DiscardHandler))
		in := newInputs(t, g, memlog.New())
		defer in.close()
		in.requests.board = board
		in.Seek(map[eventlog.TopicPartition]int64{{Topic: "requests"}: 5})
		g.gate <- struct{}{}    // for what was asked for
		g.gate <- struct{}{}    // for what there is
		time.Sleep(time.Minute) //nolint:forbidigo // The time is virtual.
		if err := board.Err(); err == nil || !strings.Contains(err.Error(), "was read up to 5, has lost its tail, and is read again from 0") {
			t.Errorf("it says: %v", err)
		}
		close(g.gate)
		collectAgain(t, in, 3)
		time.Sleep(time.Minute) //nolint:forbidigo // The time is virtual.
		if err := board.Err(); err != nil {
			t.Errorf("it still says: %v", err)
		}
	})
}

// collectAgain counts what is marked of n inputs.
func collectAgain(t *testing.T, in *inputs, n int) (got []string, again int) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	for len(got) < n {
		a, err := in.Next(ctx, eventlog.Wait{For: time.Second})
		if err != nil {
			t.Fatalf("%v; got %v", err, got)
		}
		for _, i := range a.Inputs {
			got = append(got, i.Topic+":"+i.Value)
			if i.Again {
				again++
			}
		}
	}
	return got, again
}

// regrow loses all of a log from an offset on and appends others in its place.
func regrow(t *testing.T, l *memlog.Log, from int64, values ...string) {
	t.Helper()
	l.Lose(from)
	put(t, l, values...)
}

// numbered are n values.
func numbered(prefix string, n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprint(prefix, i))
	}
	return out
}

// TestInputsThatGrewAnewAreReadAnew: an input that loses its tail and has grown
// beyond where it was read to holds new records in the place of old ones. None of
// them may be skipped, and none of what stands be read twice.
func TestInputsThatGrewAnewAreReadAnew(t *testing.T) {
	t.Parallel()
	for _, lost := range []int{0, 1, 3, 10} {
		t.Run(fmt.Sprint("lost ", lost), func(t *testing.T) {
			t.Parallel()
			reports := memlog.New()
			put(t, reports, numbered("old", 10)...)
			in := newInputs(t, memlog.New(), reports)
			gone := make(chan [2]int64, 10)
			in.reports.gone = func(_ eventlog.TopicPartition, from, to int64) { gone <- [2]int64{from, to} }
			in.Seek(nil)
			collect(t, in, 10)
			regrow(t, reports, int64(10-lost), numbered("new", lost+4)...)
			got, _ := collect(t, in, lost+4)
			for i, want := range numbered("reports:new", lost+4) {
				if got[i] != want {
					t.Fatalf("got %v, want the new ones", got)
				}
			}
			if lost > 0 {
				if told := <-gone; told[0] < 10 || told[1] != int64(10-lost) {
					t.Errorf("told that it goes on from %d at %d", told[0], told[1])
				}
			}
			if len(gone) > 0 {
				t.Errorf("told of another loss: %v", <-gone)
			}
		})
	}
}

// TestReadersKnowWhatOthersRead: what is lost while nobody reads is known from what
// the reader before has read, until the log says that it was decided.
func TestReadersKnowWhatOthersRead(t *testing.T) {
	t.Parallel()
	requests, was := memlog.New(), &trail{}
	put(t, requests, numbered("old", 10)...)
	begin := func(position int64) *inputs {
		in := newInputs(t, requests, memlog.New())
		in.requests.trail = was
		in.Seek(map[eventlog.TopicPartition]int64{{Topic: "requests"}: position})
		return in
	}
	first := begin(0)
	collect(t, first, 10)
	first.close()
	regrow(t, requests, 6, numbered("new", 8)...)
	for _, position := range []int64{10, 9} { // Two owners in turn read them, and decide none.
		next := begin(position)
		if got, _ := collect(t, next, 8); got[0] != "requests:new0" || got[7] != "requests:new7" {
			t.Fatalf("from %d on: got %v, want the new ones", position, got)
		}
		next.close()
	}
	last := begin(12) // The log says that those before are decided.
	if got, _ := collect(t, last, 2); got[0] != "requests:new6" {
		t.Errorf("after that they were decided: got %v", got)
	}
}

// TestSilenceIsKnownAfterALoss: reports that lost their tail may never come as far
// as they were.
func TestSilenceIsKnownAfterALoss(t *testing.T) {
	t.Parallel()
	reports := memlog.New()
	put(t, reports, numbered("old", 10)...)
	in := newInputs(t, memlog.New(), reports)
	in.Seek(nil)
	_, before := collect(t, in, 10)
	in.reports.marks = append(in.reports.marks, mark{11, before.ReadTo})
	reports.Lose(5)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for {
		a, err := in.Next(ctx, eventlog.Wait{For: time.Second})
		if err != nil {
			t.Fatal(err)
		}
		if a.ReadTo > before.ReadTo {
			return
		}
	}
}

// The trail is bounded, exact for what is new, and reaches back to the beginning.
func TestTrailThinsOut(t *testing.T) {
	t.Parallel()
	log, was := memlog.New(), &trail{}
	const n = 3 * trailSteps
	put(t, log, numbered("old", n)...)
	for i, r := range log.Records() {
		if was.add(&r); len(was.steps) > trailSteps {
			t.Fatalf("%d steps after %d records", len(was.steps), i)
		}
	}
	for _, lose := range []int64{n - 1, n - trailSteps/3, n - trailSteps, 1, 0} {
		was := trail{steps: append([]step(nil), was.steps...)}
		log.Lose(lose)
		put(t, log, numbered("new", n)...)
		next, _, err := was.stands(t.Context(), log, n)
		exact := lose >= n-trailSteps/2 || lose == 0
		if err != nil || next > lose || exact && next != lose {
			t.Errorf("lost from %d on: go on at %d, %v", lose, next, err)
		}
	}
}
