package eventlog_test

import (
	"math"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// pinning is a core that refers to its first acceptance until it has four.
type pinning struct{ *toyCore }

func newPinning() eventlog.Core[string] { return &pinning{newToyCore().(*toyCore)} }

func (c *pinning) Floor() int64 {
	if n := len(c.order); n > 0 && n < 4 {
		return c.order[0].Offset
	}
	return math.MaxInt64
}

// TestTruncationLeavesWhatSnapshotsReferTo: the log may lose its tail and be folded
// from either of the two that stay, so what these refer to must stay as well, though
// the state of now refers to it no more.
func TestTruncationLeavesWhatSnapshotsReferTo(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	s.keeper.NewFold, s.keeper.Keep = foldOf(newPinning), 0
	b := setup(t, s.log, "a", "b", "c", "d", "e", "f", "g", "h")
	b.cfg.Hooks.Owned = nil
	s.run(t, b, 14, func(cfg *eventlog.OwnerConfig[string]) {
		cfg.NewCore = newPinning
		told := cfg.Hooks.Kept
		cfg.Hooks.Kept = func(out eventlog.Outcome) {
			told(out)
			for _, st := range s.list(t) {
				if floor := st.Manifest.Floor; out.Propose > floor || out.Deleted > floor {
					t.Errorf("deleted %d, proposed %d, but the snapshot at %d refers to %d", out.Deleted, out.Propose, st.Manifest.Offset, floor)
				}
			}
		}
	})
	if start, _, err := eventlog.Bounds(t.Context(), s.log); err != nil || start == 0 {
		t.Errorf("the log begins at %d, %v: nothing was deleted", start, err)
	}
}

// TestTheLastRecordOfAnInputStays: an input that holds nothing may forget where it ended,
// and give offsets again that its owner has passed.
func TestTheLastRecordOfAnInputStays(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	for range 5 {
		put := []events.Record{{Value: []byte{}}}
		if _, err := s.in.Append(t.Context(), put); err != nil {
			t.Fatal(err)
		}
	}
	s.run(t, setup(t, s.log, "a", "b", "c", "d", "e"), 12)
	start, end, err := eventlog.Bounds(t.Context(), s.in)
	_, _, r := read(t, s.log)
	if next := r.Inputs()[0].Next; err != nil || next != 5 || start != 4 || end != 5 {
		t.Errorf("the input, which was read up to %d, holds [%d, %d), %v; want [4, 5)", next, start, end, err)
	}
}

// referring is a core that leaves the first acceptance in the log when it publishes
// another.
type referring struct {
	*toyCore
	gone map[string]bool // what could not be published
}

func (c *referring) Publish(l events.Logged, send func(events.Outgoing)) {
	c.toyCore.Publish(l, func(out events.Outgoing) {
		if l.Offset > c.order[0].Offset {
			out.Missing, out.Complete = c.order[0].Offset, func(m proto.Message) error {
				out.Message.(*events.TaskAccepted).Task.Payload = []byte(m.(*events.TaskAccepted).Task.Id)
				return nil
			}
			out.Gone = func() { c.gone[l.Message.(*events.TaskAccepted).Task.Id] = true }
		}
		send(out)
	})
}

// TestWhatTheLogNoLongerHoldsStopsNobody: one message that cannot be completed is
// not sent, and told; the partition goes on.
func TestWhatTheLogNoLongerHoldsStopsNobody(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	s.run(t, setup(t, s.log, "a", "b"), 4)
	s.log.Truncate(s.list(t)[0].Manifest.Offset)
	next := setup(t, s.log, "a", "b", "c", "d")
	next.cfg.Hooks.Owned = nil
	var told []error
	gone := map[string]bool{}
	s.run(t, next, 6, func(cfg *eventlog.OwnerConfig[string]) {
		cfg.NewCore = func() eventlog.Core[string] { return &referring{newToyCore().(*toyCore), gone} }
		cfg.Hooks.Lost = func(err error) { told = append(told, err) }
		cfg.Snapshots.Keeper = nil
	})
	counted := map[string]bool{}
	r, err := eventlog.NewReaderFrom(s.log, s.list(t)[0].Manifest)
	if err == nil {
		err = r.Barrier(t.Context(), func(l events.Logged, _ *events.Record) {
			if m, ok := l.Message.(*events.TaskAccepted); ok {
				counted[m.Task.Id] = true
			}
		})
	}
	if err != nil || !counted["c"] || !counted["d"] {
		t.Errorf("%v count, %v; want c and d", counted, err)
	}
	if len(told) < 2 || !gone["c"] || !gone["d"] {
		t.Errorf("told of %v, the core of %v; want of c and d", told, gone)
	}
}

// TestOwnerOutlivesItsSnapshots: if all of them are gone while the log is truncated,
// only the owner still has the state, and it writes it down anew.
func TestOwnerOutlivesItsSnapshots(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	s.run(t, setup(t, s.log, "a", "b", "c"), 5)
	begun := s.list(t)[0].Manifest.Offset
	s.log.Truncate(begun)
	next := setup(t, s.log, "a", "b", "c", "d", "e", "f")
	rounds := 0
	s.run(t, next, 8, func(cfg *eventlog.OwnerConfig[string]) {
		cfg.Hooks.Owned = func(uint32, eventlog.Core[string]) { s.snapshots.Truncate(s.snapshots.End()) }
		cfg.Hooks.Observe = func(eventlog.Core[string]) { rounds++ }
	})
	usable, _, err := s.store().Usable(t.Context(), s.log)
	if err != nil || len(usable) < 2 || usable[0].Manifest.Offset <= begun {
		t.Errorf("%d snapshots can be used after %d rounds, %v; want two new ones", len(usable), rounds, err)
	}
}

// rewound are inputs that have lost their tail: they begin at 0 again.
type rewound struct{ *stepped }

func (in rewound) Seek(map[eventlog.TopicPartition]int64) { in.toyInputs.Seek(nil) }

// TestInputsThatWentBackAreNotDeleted: where an input has lost its tail, older
// snapshots stand further in it than has been read since.
func TestInputsThatWentBackAreNotDeleted(t *testing.T) {
	t.Parallel()
	for came, name := range []string{1: "little came anew yet", 7: "more came than was lost"} {
		if name != "" {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				wentBack(t, came)
			})
		}
	}
}

func wentBack(t *testing.T, came int) {
	t.Helper()
	s := newShelf(memlog.New())
	fill := func(n int) {
		for range n {
			_, _ = s.in.Append(t.Context(), []events.Record{{Value: []byte{}}})
		}
	}
	fill(5)
	s.run(t, setup(t, s.log, "a", "b", "c", "d", "e"), 8)
	s.in = memlog.New()
	fill(came)
	next := setup(t, s.log, "v", "w", "x", "y", "z")
	s.run(t, next, 8, func(cfg *eventlog.OwnerConfig[string]) {
		steps := cfg.Inputs.(*stepped)
		cfg.Inputs = rewound{steps}
		steps.before[4] = func() { fill(7 - came) }
		told := cfg.Hooks.Kept
		cfg.Hooks.Kept = func(out eventlog.Outcome) {
			told(out)
			start, _, err := eventlog.Bounds(t.Context(), s.in)
			if _, _, r := read(t, s.log); err != nil || start > r.Inputs()[0].Next {
				t.Errorf("the input begins at %d, and was read up to %d", start, r.Inputs()[0].Next)
			}
		}
	})
}

// TestSnapshotsBehindHalfABatch: whoever deletes records by hand may leave a log
// that begins within the very batch behind which a snapshot stands. Nothing of the
// log's tail is lost by that, and the snapshot is good.
func TestSnapshotsBehindHalfABatch(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	first := setup(t, s.log, "a", "b", "c", "d", "e", "f")
	s.run(t, first, 3, func(*eventlog.OwnerConfig[string]) { first.inputs.chunk = 2 })
	at := s.list(t)[0].Manifest.Offset
	if _, ok := s.log.Records()[at-1].Header(events.HeaderLog); ok {
		t.Fatalf("the batch before %d has one record: the test shows nothing", at)
	}
	s.log.Truncate(at - 1)
	s.run(t, setup(t, s.log, "a", "b", "c", "d", "e", "f", "g"), 3)
	if s.restored == nil || s.restored.Offset != at {
		t.Fatalf("it began at %v, want the snapshot at %d", s.restored, at)
	}
	r, err := eventlog.NewReaderFrom(s.log, s.restored)
	if err == nil {
		err = r.Barrier(t.Context(), func(l events.Logged, _ *events.Record) {
			if l.Type == events.TypeLogTailLost {
				t.Errorf("the log tells of a loss: %v", l.Message)
			}
		})
	}
	if err != nil {
		t.Error(err)
	}
}
