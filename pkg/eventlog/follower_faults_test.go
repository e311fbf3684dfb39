package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// failing is a log whose fetches fail for a while.
type failing struct {
	eventlog.Log
	errs []error
}

func (l *failing) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if len(l.errs) > 0 {
		err := l.errs[0]
		l.errs = l.errs[1:]
		return events.Page{}, err
	}
	return l.Log.Fetch(ctx, from, wait)
}

// denial is an answer that does not change by itself.
type denial struct{}

func (denial) Error() string { return "may not read" }
func (denial) Denied() bool  { return true }

var errAway = errors.New("the broker is away")

// TestFollowerTellsOfTrouble: at once, then every 30 s, and when it is over; and
// goes on where it was.
func TestFollowerTellsOfTrouble(t *testing.T) {
	t.Parallel()
	s := newScribe(t, "a", "b")
	log := &failing{Log: s.log}
	f := follow(log, false)
	f.barrier(t, s.log)
	begun := f.now
	ctx, cancel := context.WithCancel(t.Context())
	f.cfg.Hooks.Stepped = cancel
	f.cfg.Hooks.Began = nil
	for range 20 { // Pauses: 0.1, 0.2, … 5 s.
		log.errs = append(log.errs, errAway)
	}
	f.Follower = eventlog.NewFollower(f.cfg)
	if err := f.Run(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	var told []time.Duration
	for i, h := range f.trouble {
		last := i == len(f.trouble)-1
		if last != (h.Err == nil) || !last && (!errors.Is(h.Err, errAway) || !h.Since.Equal(begun) || h.Doing != "begin") {
			t.Errorf("told %+v", h)
		}
		told = append(told, time.Duration(h.Tries))
	}
	if len(told) != 4 || f.Health() != (eventlog.Health{}) || f.now.Sub(begun) < time.Minute {
		t.Errorf("told %d times in %v, health now %+v; want at once, every 30 s, and at the end", len(told), f.now.Sub(begun), f.Health())
	}
}

// TestFollowerGoesOnAfterTrouble: a broker that comes back has all of it.
func TestFollowerGoesOnAfterTrouble(t *testing.T) {
	t.Parallel()
	s := newScribe(t, "a", "b")
	log := &failing{Log: s.log}
	f := follow(log, false)
	f.barrier(t, s.log)
	log.errs = []error{errAway}
	s.write(task("c"))
	if err := f.Barrier(t.Context()); !errors.Is(err, errAway) || eventlog.Final(err) || f.Health().Tries != 1 {
		t.Fatalf("%v, health %+v", err, f.Health())
	}
	f.barrier(t, s.log)
	if len(f.begun) != 1 || fmt.Sprint(f.visited) != "[a b c]" || f.Health().Err != nil {
		t.Errorf("visited %v, began %d times, health %+v", f.visited, len(f.begun), f.Health())
	}
}

// TestDenialReachesTheCaller: it is not tried again behind the caller's back.
func TestDenialReachesTheCaller(t *testing.T) {
	t.Parallel()
	for _, steps := range []int{0, 1} {
		s := newScribe(t, "a", "b")
		log := &failing{Log: s.log}
		f := follow(log, false)
		for range steps {
			f.barrier(t, s.log)
		}
		log.errs = []error{denial{}}
		err := f.Run(t.Context())
		if !eventlog.Final(err) || len(f.trouble) != 1 || f.now != time.UnixMilli(1_700_000_000_000) {
			t.Errorf("Run returned %v, told %v", err, f.trouble)
		}
		f.barrier(t, s.log)
	}
}

// TestFollowerOfANewerFold: what it would fold differently from others it does not
// fold, neither from the log nor from a snapshot.
func TestFollowerOfANewerFold(t *testing.T) {
	t.Parallel()
	s := newScribe(t, "a")
	f := follow(s.log, false)
	s.write(&events.LogFoldVersionRaised{Version: 2}) // which the toy knows
	s.write(&events.LogFoldVersionRaised{Version: 3}, task("b"))
	for range 2 {
		err := f.Barrier(t.Context())
		var v *eventlog.VersionError
		if !errors.As(err, &v) || v.Version != 3 || v.Known != 2 || !eventlog.Final(err) || f.Fold() != nil {
			t.Fatalf("%v, want that version 3 is not known; the fold is %v", err, f.Fold())
		}
	}
	if got := fmt.Sprint(f.visited); got != "[a <0 a]" {
		t.Errorf("visited %v, want nothing that a newer fold takes", got)
	}
	looks := follow(s.log, true)
	looks.barrier(t, s.log)
	if got := fmt.Sprint(looks.visited); got != "[a b]" {
		t.Errorf("one that only looks visited %v", got)
	}
}

// TestNewLeaderHidesWhatItHas: that is no loss, unless it goes on.
func TestNewLeaderHidesWhatItHas(t *testing.T) {
	t.Parallel()
	for _, goesOn := range []bool{false, true} {
		s := newScribe(t, "a", "b", "c")
		log := &lagging{Log: s.log}
		f := follow(log, false)
		f.barrier(t, s.log)
		s.log.Lose(s.log.End()) // Another term.
		log.shows, log.fetches = 2, 3
		if goesOn {
			log.fetches = 1_000
		}
		if err := f.Step(t.Context(), 0); err == nil || eventlog.Final(err) || len(f.begun) != 1 {
			t.Fatalf("where a leader hides what was read: %v, began %d times; want an error", err, len(f.begun))
		}
		if !goesOn {
			f.barrier(t, s.log)
			if len(f.begun) != 1 {
				t.Error("it began anew, although nothing was lost")
			}
			continue
		}
		f.now = f.now.Add(time.Minute)
		if err := f.Step(t.Context(), 0); err != nil || len(f.begun) != 2 {
			t.Errorf("a minute later: %v, began %d times; want anew", err, len(f.begun))
		}
	}
}

// termless is a log that does not tell when its leader changes.
type termless struct{ eventlog.Log }

func (l termless) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	page, err := l.Log.Fetch(ctx, from, wait)
	page.Term = 0
	return page, err
}

// TestFollowerDoubts: even without a term, a batch that ought to count and does not
// shows that what was read is not what the log holds. Junk that looks like one does
// not have it begin anew again and again.
func TestFollowerDoubts(t *testing.T) {
	t.Parallel()
	s := newScribe(t, "a", "b", "c", "d")
	f := follow(termless{s.log}, false)
	f.barrier(t, s.log)
	lostTails["grown beyond"](s)
	s.claim("k") // which counts in any history
	f.barrier(t, s.log)
	if len(f.begun) != 2 {
		t.Fatalf("began %d times", len(f.begun))
	}
	for range 20 {
		junk := sealed(t, eventlog.Header{At: s.log.End(), Prev: 1, Epoch: 9}, task("junk"))
		_, _ = s.log.Append(t.Context(), junk)
		s.write(task("l"))
	}
	f.barrier(t, s.log)
	if n := len(f.begun); n < 3 || n > 6 {
		t.Errorf("began %d times in 40 records, want a few times", n)
	}
}

// TestLossOfASnapshotsTail: what a fold was restored from is lost before anything
// was read behind it, and the log has grown to just that length.
func TestLossOfASnapshotsTail(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	s.run(t, setup(t, s.log, "a", "b", "c"), 5)
	f := follow(s.log, false, func(cfg *eventlog.FollowerConfig) { cfg.Snapshots = s.store() })
	if err := f.Begin(t.Context()); err != nil || f.begun[0].Snapshot == nil {
		t.Fatalf("%v; it began at %+v, not at a snapshot", err, f.begun)
	}
	s.log.Lose(f.Position() - 1)
	(&scribe{t: t, log: s.log}).claim()
	if s.log.End() != f.Position() {
		t.Fatalf("the log ends at %d instead of %d", s.log.End(), f.Position())
	}
	f.barrier(t, s.log)
	if len(f.begun) != 2 {
		t.Errorf("it began %d times", len(f.begun))
	}
}

// TestPositionsGoBack: after a lost tail the inputs are read as far as the log says.
func TestPositionsGoBack(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	s.log.PageRecords = 1
	s.run(t, setup(t, s.log, "a", "b", "c"), 5)
	f := follow(s.log, true)
	f.barrier(t, s.log)
	before := f.Inputs()
	s.log.Lose(3)
	f.barrier(t, s.log)
	_, _, r := read(t, s.log)
	if got, want := fmt.Sprint(f.Inputs()), fmt.Sprint(r.Inputs()); got != want || got == fmt.Sprint(before) {
		t.Errorf("inputs are read up to %s, want %s; before the loss up to %v", got, want, before)
	}
}

// shrinking is a log that loses its tail at a fetch.
type shrinking struct {
	eventlog.Log
	fetches int
	lose    func()
}

func (l *shrinking) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if l.fetches--; l.fetches == 0 {
		l.lose()
	}
	return l.Log.Fetch(ctx, from, wait)
}

// TestLossDuringABarrier: what was to be reached may never be there again.
func TestLossDuringABarrier(t *testing.T) {
	t.Parallel()
	for fetches := 1; fetches < 8; fetches++ {
		s := newScribe(t, "a", "b", "c", "d")
		f := follow(&shrinking{s.log, fetches, func() { lostTails["shorter"](s) }}, false)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		if err := f.Barrier(ctx); err != nil {
			t.Fatalf("a loss at fetch %d: %v", fetches, err)
		}
		if want := foldOfAll(t, s.log); !bytes.Equal(want, f.Fold().Snapshot(nil)) {
			t.Errorf("a loss at fetch %d: the fold is %q, want %q", fetches, f.Fold().Snapshot(nil), want)
		}
	}
}

// TestLossDuringAReadersBarrier: a reader, such as an owner has, ends with what is
// left; what came in the place of what it has read it finds out later.
func TestLossDuringAReadersBarrier(t *testing.T) {
	t.Parallel()
	for fetches := 1; fetches < 8; fetches++ {
		s := newScribe(t, "a", "b", "c", "d")
		s.log.PageRecords = 1
		log := &shrinking{s.log, fetches, func() { lostTails["nothing came instead"](s) }}
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		err := eventlog.NewReader(log, topic, 0).Barrier(ctx, nil)
		if err != nil && !eventlog.IsOutOfRange(err) {
			t.Errorf("a loss at fetch %d: %v", fetches, err)
		}
	}
}
