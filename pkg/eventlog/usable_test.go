package eventlog_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// overtaken is a log of which a keeper deletes while snapshots are compared with it:
// between the question what it holds and the first record that is read.
type overtaken struct {
	eventlog.Log
	delete func()
}

func (l *overtaken) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if from != math.MaxInt64-1 { // Bounds asks there.
		l.delete()
	}
	return l.Log.Fetch(ctx, from, wait)
}

// TestSnapshotsWhoseRecordsAreDeletedMeanwhileAreListedAgain: a keeper deletes records
// only behind newer snapshots, which are listed then.
func TestSnapshotsWhoseRecordsAreDeletedMeanwhileAreListedAgain(t *testing.T) {
	t.Parallel()
	for name, superseded := range map[string]bool{"the newest stays": false, "the newest is superseded": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(memlog.New())
			s.run(t, setup(t, s.log, "a", "b", "c", "d"), 7)
			list := s.list(t)
			older, newest, all := list[1], list[0], s.snapshots.Records()
			if superseded { // It is written after the first listing.
				s.snapshots = memlog.New()
				s.append(t, all[:2])
			}
			once := false
			log := &overtaken{Log: s.log, delete: func() {
				if once {
					return
				}
				if once = true; superseded {
					s.append(t, all[2:])
				}
				s.log.Truncate(newest.Manifest.Offset)
			}}
			usable, beyond, err := s.store().Usable(t.Context(), log)
			if err != nil || len(beyond) > 0 || len(usable) != 1 || usable[0].Manifest.Offset != newest.Manifest.Offset {
				t.Fatalf("usable %+v, beyond %v, %v; want only the snapshot at %d, and not that at %d", usable, beyond, err, newest.Manifest.Offset, older.Manifest.Offset)
			}
			if len(s.bad) > 0 {
				t.Errorf("told of %v", s.bad)
			}
		})
	}
}

func (s *shelf) append(t *testing.T, records []events.Record) {
	t.Helper()
	if _, err := s.snapshots.Append(t.Context(), records); err != nil {
		t.Fatal(err)
	}
}

// TestSnapshotsThatAreAlwaysOvertaken: where one after the other cannot be compared that is
// an error, unless the newest one can.
func TestSnapshotsThatAreAlwaysOvertaken(t *testing.T) {
	t.Parallel()
	for name, newestFits := range map[string]bool{"all": false, "all but the newest": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(memlog.New())
			s.run(t, setup(t, s.log, "a", "b", "c", "d"), 7)
			list := s.list(t)
			log := &refusing{Log: s.log, all: !newestFits, below: list[0].Manifest.Offset}
			usable, _, err := s.store().Usable(t.Context(), log)
			switch {
			case newestFits:
				if err != nil || len(usable) != 1 || usable[0].Manifest.Offset != list[0].Manifest.Offset {
					t.Errorf("usable %+v, %v; want the newest", usable, err)
				}
			case !eventlog.IsOutOfRange(err) || !strings.Contains(err.Error(), "compare the snapshot at"):
				t.Errorf("usable %+v, %v; want what stands in the way", usable, err)
			}
			if log.refused == 0 || log.refused > 20 {
				t.Errorf("%d fetches were refused", log.refused)
			}
			broken := errors.New("broken")
			if _, _, err := s.store().Usable(t.Context(), &refusing{Log: s.log, all: true, err: broken}); !errors.Is(err, broken) {
				t.Errorf("%v, want another error to be told at once", err)
			}
		})
	}
}

// refusing is a log whose records are deleted whenever they are read: all of them, or those
// that show where an older snapshot belongs.
type refusing struct {
	eventlog.Log
	all               bool
	below             int64
	err               error
	compared, refused int
}

func (l *refusing) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if from == math.MaxInt64-1 {
		l.compared = 0
		return l.Log.Fetch(ctx, from, wait)
	}
	l.compared++
	if !l.all && l.compared == 1 { // The newest one is compared first.
		return l.Log.Fetch(ctx, from, wait)
	}
	l.refused++
	if l.err != nil {
		return events.Page{}, l.err
	}
	return events.Page{}, &eventlog.OutOfRangeError{From: from, Start: from + 1, End: l.below}
}
