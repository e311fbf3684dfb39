package eventlog_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// scribe writes a log by hand, as its owner would.
type scribe struct {
	t      *testing.T
	log    *memlog.Log
	judge  eventlog.Judge
	claims byte
}

// newScribe claims a new log and accepts tasks, each in a batch of its own.
func newScribe(t *testing.T, ids ...string) *scribe {
	s := &scribe{t: t, log: memlog.New()}
	s.log.PageRecords = 1
	s.claim(ids...)
	return s
}

// claim claims the log, whatever has become of it, and accepts tasks.
func (s *scribe) claim(ids ...string) {
	s.t.Helper()
	_, _, r := read(s.t, s.log)
	s.judge = r.Judge()
	s.claims++
	h := eventlog.Header{At: s.log.End(), Prev: s.judge.History, Epoch: s.judge.Epoch + 1}
	batch := sealed(s.t, h, &events.LogClaimed{ClaimId: append(make([]byte, 15), s.claims)})
	_, _ = s.log.Append(s.t.Context(), batch)
	s.judge.History, s.judge.Epoch = eventlog.Hash(h.Prev, batch), h.Epoch
	for _, id := range ids {
		s.write(task(id))
	}
}

// write appends one batch.
func (s *scribe) write(messages ...proto.Message) {
	s.t.Helper()
	h := eventlog.Header{At: s.log.End(), Prev: s.judge.History, Epoch: s.judge.Epoch}
	batch := sealed(s.t, h, messages...)
	_, _ = s.log.Append(s.t.Context(), batch)
	s.judge.History = eventlog.Hash(h.Prev, batch)
}

// following is a follower under test, and what it told.
type following struct {
	*eventlog.Follower
	cfg     eventlog.FollowerConfig
	visited []string // IDs of tasks, and "<" and where it began anew
	begun   []eventlog.Beginning
	trouble []eventlog.Health
	now     time.Time
}

// follow makes a follower of a log; with a fold unless looks is set.
func follow(log eventlog.Log, looks bool, change ...func(*eventlog.FollowerConfig)) *following {
	f := &following{now: time.UnixMilli(1_700_000_000_000)}
	f.cfg = eventlog.FollowerConfig{
		Log: log, Topic: topic, Partition: 3, NewFold: newToyFold,
		Now: func() time.Time { return f.now },
		Pause: func(_ context.Context, d time.Duration) {
			f.now = f.now.Add(d)
		},
		Hooks: eventlog.FollowerHooks{
			Visit: func(l events.Logged, _ *events.Record) {
				if m, ok := l.Message.(*events.TaskAccepted); ok {
					f.visited = append(f.visited, m.Task.Id)
				}
			},
			Began: func(b eventlog.Beginning) {
				if f.begun = append(f.begun, b); b.Before >= 0 {
					f.visited = append(f.visited, fmt.Sprint("<", b.At))
				}
			},
			Trouble: func(h eventlog.Health) { f.trouble = append(f.trouble, h) },
		},
	}
	if looks {
		f.cfg.NewFold = nil
	}
	for _, c := range change {
		c(&f.cfg)
	}
	f.Follower = eventlog.NewFollower(f.cfg)
	return f
}

// barrier reads to the end, and compares the fold with that of the whole log.
func (f *following) barrier(t *testing.T, log eventlog.Log) {
	t.Helper()
	if err := f.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	if f.cfg.NewFold == nil {
		return
	}
	if want := foldOfAll(t, log); !bytes.Equal(want, f.Fold().Snapshot(nil)) {
		t.Errorf("the fold is not that of the log: %q instead of %q", f.Fold().Snapshot(nil), want)
	}
}

func foldOfAll(t *testing.T, log eventlog.Log) []byte {
	t.Helper()
	fold := newToyFold()
	counted, _, _ := read(t, log)
	for _, l := range counted {
		fold.Apply(l)
	}
	return fold.Snapshot(nil)
}

// lostTails are ways in which a log loses its tail and grows again, that holds at 0
// the claim, and at 1 to 4 the tasks a to d.
var lostTails = map[string]func(s *scribe){
	"grown beyond":         func(s *scribe) { s.log.Lose(2); s.claim("e", "f", "g", "h", "i") },
	"shorter":              func(s *scribe) { s.log.Lose(2); s.claim("e") },
	"just as long":         func(s *scribe) { s.log.Lose(2); s.claim("e", "f") },
	"all of it":            func(s *scribe) { s.log.Lose(0); s.claim("e", "f", "g", "h", "i", "j", "k") },
	"twice":                func(s *scribe) { s.log.Lose(3); s.claim("x", "y", "z"); s.log.Lose(2); s.claim("e", "f", "g") },
	"the last record":      func(s *scribe) { s.log.Lose(4); s.claim("e") },
	"nothing came instead": func(s *scribe) { s.log.Lose(2) },
	"what is not whole":    func(s *scribe) { s.log.Lose(2); s.claim(); s.write(task("e"), task("f"), task("g")) },
}

// TestFollowerBeyondALostTail: a reader that had read what is lost does not wait for
// ever: it drops what nobody shares, and tells its user.
func TestFollowerBeyondALostTail(t *testing.T) {
	t.Parallel()
	for name, lose := range lostTails {
		for _, looks := range []bool{false, true} {
			t.Run(fmt.Sprint(name, ", looks only: ", looks), func(t *testing.T) {
				t.Parallel()
				s := newScribe(t, "a", "b", "c", "d")
				log := s.log
				f := follow(log, looks)
				f.barrier(t, log)
				if got := fmt.Sprint(f.visited); got != "[a b c d]" {
					t.Fatal("visited ", got)
				}
				lose(s)
				f.barrier(t, log)
				if len(f.begun) != 2 || f.begun[1].Before != 5 || f.begun[1].At > 4 {
					t.Fatalf("began %+v, want anew at most at 4", f.begun)
				}
				var lost *eventlog.LostError
				if !errors.As(f.begun[1].Why, &lost) {
					t.Errorf("it began anew because of %v, want a LostError", f.begun[1].Why)
				}
				differs := map[string]int64{"all of it": 0, "the last record": 4}
				if at, ok := differs[name]; looks && f.begun[1].At != at && (ok || f.begun[1].At != 2) {
					t.Errorf("it went back to %d, although it knows where the log differs", f.begun[1].At)
				}
				at := slices.Index(f.visited, fmt.Sprint("<", f.begun[1].At))
				var want []string
				counted, _, _ := read(t, log)
				for _, l := range counted {
					if m, ok := l.Message.(*events.TaskAccepted); ok && l.Offset >= f.begun[1].At {
						want = append(want, m.Task.Id)
					}
				}
				if got := f.visited[at+1:]; !slices.Equal(got, want) {
					t.Errorf("visited %v, want %v from the beginning on", f.visited, want)
				}
			})
		}
	}
}

// TestOtherTermIsNoLoss: a leader that has all of it costs a fetch, and no more.
func TestOtherTermIsNoLoss(t *testing.T) {
	t.Parallel()
	for _, looks := range []bool{false, true} {
		s := newScribe(t, "a", "b", "c")
		log := s.log
		counts := &counting{Log: log}
		f := follow(counts, looks)
		f.barrier(t, log)
		for _, appends := range []bool{false, true} {
			log.Lose(log.End()) // Another term, and nothing lost.
			if appends {
				s.write(task("d"))
			}
			counts.fetches = 0
			if err := f.Step(t.Context(), 0); err != nil || counts.fetches > 2 {
				t.Errorf("a step in another term: %d fetches, %v; want 2", counts.fetches, err)
			}
			counts.fetches = 0
			if err := f.Step(t.Context(), 0); err != nil || counts.fetches != 1 {
				t.Errorf("a step in the same term: %d fetches, %v; want 1", counts.fetches, err)
			}
		}
		if len(f.begun) != 1 || fmt.Sprint(f.visited) != "[a b c d]" {
			t.Errorf("visited %v, began %d times", f.visited, len(f.begun))
		}
	}
}

// TestLossBeforeAnythingWasRead: one that looks for what comes knows what was there.
func TestLossBeforeAnythingWasRead(t *testing.T) {
	t.Parallel()
	s := newScribe(t, "a", "b", "c", "d")
	f := follow(s.log, true, func(cfg *eventlog.FollowerConfig) { cfg.From = eventlog.AtEnd })
	if err := f.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	lostTails["grown beyond"](s)
	f.barrier(t, s.log)
	if got := fmt.Sprint(f.visited); got != "[<2 e f g h i]" {
		t.Errorf("visited %v, want what came, from where the log differs on", got)
	}
}

// TestLookersBegin: at the end, at the start, or at an offset; and judge the first
// batch that they visit.
func TestLookersBegin(t *testing.T) {
	t.Parallel()
	for from, want := range map[int64]string{eventlog.AtStart: "[b c d e]", eventlog.AtEnd: "[e]", 3: "[c d e]", 5: "[e]"} {
		t.Run(fmt.Sprint(from), func(t *testing.T) {
			t.Parallel()
			s := newScribe(t, "a", "b", "c", "d")
			s.log.Truncate(2)
			f := follow(s.log, true, func(cfg *eventlog.FollowerConfig) { cfg.From = from })
			if err := f.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			s.write(task("e"))
			f.barrier(t, s.log)
			if got := fmt.Sprint(f.visited); got != want {
				t.Errorf("visited %v, want %v", got, want)
			}
		})
	}
}

// TestFollowerIsOvertaken: what it was to read is deleted. A fold goes on with a
// snapshot; without one its state is lost. Where there is no fold, there is a gap.
func TestFollowerIsOvertaken(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name             string
		looks, snapshots bool
	}{{"a fold with snapshots", false, true}, {"a fold without", false, false}, {"it looks only", true, false}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(memlog.New())
			b := setup(t, s.log, "a", "b")
			s.run(t, b, 2)
			f := follow(s.log, c.looks, func(cfg *eventlog.FollowerConfig) {
				if c.snapshots {
					cfg.Snapshots = s.store()
				}
			})
			f.barrier(t, s.log)
			before := f.Position()
			b = setup(t, s.log, "a", "b", "c", "d", "e", "f")
			b.cfg.Hooks.Owned = nil
			s.run(t, b, 6)
			whole := foldOfAll(t, s.log)
			s.log.Truncate(s.list(t)[0].Manifest.Offset)
			start, _, _ := eventlog.Bounds(t.Context(), s.log)
			err := f.Barrier(t.Context())
			var loss *eventlog.LossError
			var gap *eventlog.OvertakenError
			switch {
			case c.snapshots:
				if err != nil || !bytes.Equal(whole, f.Fold().Snapshot(nil)) {
					t.Errorf("%v; the fold is not that of the log", err)
				}
				if last := f.begun[len(f.begun)-1]; last.Snapshot == nil || last.Before != before || !errors.As(last.Why, &gap) {
					t.Errorf("it began anew: %+v", last)
				}
			case c.looks:
				if !errors.As(err, &gap) || gap.Next != before || gap.Start != start || !eventlog.Final(err) {
					t.Fatalf("%v, want the gap from %d to %d", err, before, start)
				}
				if err := f.Barrier(t.Context()); err != nil || f.begun[1].At != start || f.Position() != s.log.End() {
					t.Errorf("it went on with %v at %+v", err, f.begun)
				}
			default:
				if !errors.As(err, &loss) || !eventlog.Final(err) || f.Health().Err == nil {
					t.Errorf("%v, want a LossError", err)
				}
			}
		})
	}
}

// TestJunkThatCameTwice: the newest record is the same again, and yet the log is not:
// what a former owner sends may come to stand at one offset twice.
func TestJunkThatCameTwice(t *testing.T) {
	t.Parallel()
	s := newScribe(t, "a", "b", "c", "d")
	junk := sealed(t, eventlog.Header{At: 1}, task("late"))
	_, _ = s.log.Append(t.Context(), junk)
	f := follow(s.log, true)
	f.barrier(t, s.log)
	s.log.Lose(2)
	s.claim("e", "f")
	_, _ = s.log.Append(t.Context(), junk)
	s.write(task("g"))
	f.barrier(t, s.log)
	if got := fmt.Sprint(f.visited); got != "[a b c d <2 e f g]" {
		t.Errorf("visited %v", got)
	}
}

// TestLossIsDeleted: what would show that a tail was lost is deleted, up to just
// where the follower is to read on.
func TestLossIsDeleted(t *testing.T) {
	t.Parallel()
	s := newScribe(t, "a", "b", "c", "d")
	f := follow(s.log, true)
	f.barrier(t, s.log)
	lostTails["just as long"](s)
	s.log.Truncate(s.log.End())
	s.write(task("g"))
	var gap *eventlog.OvertakenError
	if err := f.Barrier(t.Context()); !errors.As(err, &gap) || gap.Start != 5 {
		t.Fatalf("%v, want that it cannot know what it has missed", err)
	}
	f.barrier(t, s.log)
	if got := fmt.Sprint(f.visited); got != "[a b c d <5 g]" {
		t.Errorf("visited %v", got)
	}
}

// TestLossOfHalfABatch: a batch of which the rest is lost that was still to be read.
func TestLossOfHalfABatch(t *testing.T) {
	t.Parallel()
	for _, looks := range []bool{false, true} {
		s := newScribe(t, "a")
		s.write(task("b"), task("c"), task("d"))
		f := follow(s.log, looks)
		for range 4 { // A page has one record.
			if err := f.Step(t.Context(), 0); err != nil {
				t.Fatal(err)
			}
		}
		if f.Position() != 2 || f.Next() != 4 {
			t.Fatalf("at %d, next %d; want a batch half read", f.Position(), f.Next())
		}
		s.log.Lose(3)
		s.claim("e", "f")
		f.barrier(t, s.log)
		if len(f.begun) != 2 || f.visited[len(f.visited)-1] != "f" {
			t.Errorf("visited %v", f.visited)
		}
	}
}
