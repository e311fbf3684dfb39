package eventlog_test

import (
	"context"
	"encoding/binary"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// calls is a fold that remembers the IDs of calls in their order.
type calls struct{ ids []string }

func (c *calls) Apply(l events.Logged)      { c.ids = append(c.ids, string(l.Call.ID[:1])) }
func (c *calls) Snapshot(dst []byte) []byte { return append(dst, strings.Join(c.ids, "")...) }
func (c *calls) FoldVersion() uint32        { return 1 }
func (c *calls) Floor() int64               { return math.MaxInt64 }

func (c *calls) Restore(state []byte) error {
	c.ids = strings.Split(string(state), "")
	return nil
}

// shared is a shared log that is followed with a fold, and one without.
type shared struct {
	*memlog.Log
	snapshots *memlog.Log
}

func newShared() *shared { return &shared{memlog.New(), memlog.New()} }

// write appends calls, one letter each: equal letters are equal bytes.
func (s *shared) write(t *testing.T, ids string) {
	t.Helper()
	for _, id := range ids {
		call := append([]byte(string(id)), make([]byte, 15)...)
		r, err := events.Encoder{Source: "/test"}.Encode(string(id), task(string(id)),
			events.Header{Key: events.HeaderCall, Value: call},
			events.Header{Key: events.HeaderSeen, Value: binary.BigEndian.AppendUint64(nil, 0)})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Append(t.Context(), []events.Record{r}); err != nil {
			t.Fatal(err)
		}
	}
}

func (s *shared) shelf() *eventlog.Snapshots {
	return &eventlog.Snapshots{Log: s.snapshots, Topic: topic, Partition: 3, Encoder: events.Encoder{Source: "/test"}}
}

func (s *shared) follow(hooks eventlog.FollowerHooks) *eventlog.Follower {
	return eventlog.NewFollower(eventlog.FollowerConfig{
		Log: s.Log, Topic: topic, Partition: 3, Shared: true, Snapshots: s.shelf(), Now: time.Now,
		NewFold: func() eventlog.Fold { return &calls{} }, Hooks: hooks,
	})
}

func (s *shared) folded(t *testing.T, f *eventlog.Follower) string {
	t.Helper()
	if err := f.Barrier(t.Context()); err != nil {
		t.Fatal(err)
	}
	return string(f.Fold().Snapshot(nil))
}

// A call that was on its way when the log lost its tail may stand where it stood before,
// byte by byte, behind another one: its record alone shows nothing.
func TestASharedLogThatEndsAsBeforeIsAnother(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ before, kept, after, want string }{
		"the same record at the end": {"abc", "a", "xc", "axc"},
		"nothing else":               {"abc", "a", "bc", "abc"},
		"shorter":                    {"abc", "a", "", "a"},
		"longer":                     {"abc", "ab", "xyz", "abxyz"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShared()
			f := s.follow(eventlog.FollowerHooks{})
			s.write(t, c.before)
			s.folded(t, f)
			s.Lose(int64(len(c.kept)))
			s.write(t, c.after)
			if got := s.folded(t, f); got != c.want {
				t.Errorf("folded %s; want %s", got, c.want)
			}
		})
	}
}

// A snapshot of what the log has lost is of no use, even if the log ends as it did.
func TestASnapshotOfASharedLogKnowsItsLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		kept, after string
		usable      bool
	}{
		"nothing is lost":            {"abc", "d", true},
		"the same record at the end": {"a", "xc", false},
		"another at the end":         {"ab", "x", false},
		"it ends before":             {"ab", "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShared()
			f := s.follow(eventlog.FollowerHooks{})
			s.write(t, "abc")
			s.folded(t, f)
			snap, err := f.Snapshot(0, 1)
			if err != nil {
				t.Fatal(err)
			}
			if err := s.shelf().Write(t.Context(), snap); err != nil {
				t.Fatal(err)
			}
			s.Lose(int64(len(c.kept)))
			s.write(t, c.after)
			restored := false
			fresh := s.follow(eventlog.FollowerHooks{Began: func(b eventlog.Beginning) { restored = b.Snapshot != nil }})
			if got, want := s.folded(t, fresh), c.kept+c.after; got != want || restored != c.usable {
				t.Errorf("folded %s, from the snapshot: %v; want %s and %v", got, restored, want, c.usable)
			}
		})
	}
}

// newLong is a shared log that is longer than what is read again to compare, with a follower at
// its end and a snapshot of what that has folded.
func newLong(t *testing.T) (*shared, *eventlog.Follower, *eventlog.Snapshot) {
	t.Helper()
	s := newShared()
	f := s.follow(eventlog.FollowerHooks{})
	for range 12 {
		s.write(t, strings.Repeat("a", 1000))
		s.folded(t, f)
	}
	snap, err := f.Snapshot(0, 1)
	if err != nil {
		t.Fatal(err)
	}
	return s, f, snap
}

// A follower that has come further than what is read again to compare notices the loss,
// goes on from its snapshot, and writes one that is as good.
func TestALongSharedLog(t *testing.T) {
	t.Parallel()
	s, f, snap := newLong(t)
	if m := snap.Manifest; m.Back < 1000 || m.Offset-m.Back < 4096 || m.Last != m.Offset-1 {
		t.Errorf("the snapshot at %d shows what it is of from %d on, and by the record at %d", m.Offset, m.Back, m.Last)
	}
	if err := s.shelf().Write(t.Context(), snap); err != nil {
		t.Fatal(err)
	}
	s.Truncate(snap.Manifest.Last)
	restored := s.follow(eventlog.FollowerHooks{})
	s.write(t, "bc")
	s.folded(t, restored)
	s.Lose(s.End() - 1)
	s.write(t, "d")
	for what, f := range map[string]*eventlog.Follower{"from the beginning": f, "from a snapshot": restored} {
		if got := s.folded(t, f); !strings.HasSuffix(got, "abd") || len(got) != 12_002 {
			t.Errorf("%s: folded %d calls, the last ones %s", what, len(got), fmt.Sprint(got[len(got)-3:]))
		}
	}
}

// lowest is a log that remembers where it was read from.
type lowest struct {
	*memlog.Log
	from int64
}

func (l *lowest) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	l.from = min(l.from, from)
	return l.Log.Fetch(ctx, from, wait)
}

// Before a snapshot is written the end of its log is read again, and not all of the log.
func TestAHousekeeperConfirmsASharedLog(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		lost  int64
		after string
		saved bool
	}{
		"nothing is lost":            {0, "", true},
		"more came":                  {0, "bc", true},
		"the same record at the end": {2, "xa", false},
		"it ends before":             {1, "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, _, snap := newLong(t)
			s.Lose(s.End() - c.lost)
			s.write(t, c.after)
			log := &lowest{s.Log, math.MaxInt64}
			out := (&eventlog.Housekeeper{
				Log: log, Snapshots: s.shelf(), NewFold: func() eventlog.Fold { return &calls{} }, Now: time.Now, Keep: -1,
			}).Do(t.Context(), eventlog.Job{Snapshot: snap})
			if (out.Saved != nil) != c.saved || (out.Err == nil) != c.saved || (s.snapshots.End() > 0) != c.saved {
				t.Errorf("saved %v, with %d records, error: %v; want it saved: %v", out.Saved, s.snapshots.End(), out.Err, c.saved)
			}
			if m := snap.Manifest; log.from != m.Back || m.Back < 1000 {
				t.Errorf("the log was read from %d on; want %d", log.from, m.Back)
			}
		})
	}
}

// Without a fold it visits what comes, and goes back to where the log is the same.
func TestASharedLogIsLookedAt(t *testing.T) {
	t.Parallel()
	s := newShared()
	s.write(t, "ab")
	var seen []string
	f := eventlog.NewFollower(eventlog.FollowerConfig{
		Log: s.Log, Topic: topic, Partition: 3, Shared: true, From: eventlog.AtEnd, Now: time.Now,
		Hooks: eventlog.FollowerHooks{
			Visit: func(l events.Logged, _ *events.Record) { seen = append(seen, string(l.Call.ID[:1])) },
			Began: func(b eventlog.Beginning) { seen = append(seen, fmt.Sprint(b.At)) },
		},
	})
	step := func(want string) {
		t.Helper()
		if err := f.Barrier(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(seen, " "); got != want {
			t.Errorf("seen %s; want %s", got, want)
		}
	}
	step("2")
	s.write(t, "c")
	step("2 c")
	s.write(t, "d")
	step("2 c d")
	s.Lose(3)
	s.write(t, "xd")
	step("2 c d 3 x d")
}

// BenchmarkSharedReader folds b.N calls.
func BenchmarkSharedReader(b *testing.B) {
	s := newShared()
	id := make([]byte, 16)
	batch := make([]events.Record, 0, 1000)
	for i := range b.N {
		binary.BigEndian.PutUint64(id, uint64(i))
		r, err := events.Encoder{Source: "/test"}.Encode("x", task("x"), events.Header{Key: events.HeaderCall, Value: append([]byte(nil), id...)},
			events.Header{Key: events.HeaderSeen, Value: make([]byte, 8)})
		if err != nil {
			b.Fatal(err)
		}
		if batch = append(batch, r); len(batch) == cap(batch) || i == b.N-1 {
			if _, err := s.Append(b.Context(), batch); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	n := 0
	if err := eventlog.NewSharedReader(s.Log, topic, 3).Barrier(b.Context(), func(events.Logged, *events.Record) { n++ }); err != nil || n != b.N {
		b.Fatal(n, err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "calls/s")
}
