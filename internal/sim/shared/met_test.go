package shared

import (
	"errors"
	"testing"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/events"
)

// TestSimSharedMeets: in few seeds everything happens that the judge is to judge.
func TestSimSharedMeets(t *testing.T) {
	t.Parallel()
	const seeds = 8
	met := map[string]int{}
	for seed := range uint64(seeds) {
		for _, s := range []*story{newStory(seed+1, mutant{}), newLossy(seed+1, mutant{})} {
			s.Run()
			s.meets(t, met)
		}
	}
	t.Log(met)
	for _, what := range []string{
		"a snapshot is spoiled", "a tail is lost", "beginning at a snapshot", "overtaken by truncation",
		"folded beyond a lost tail", "a verdict that cannot be told", "a copy", "a premature record", "a record that is no call",
		"a lease that time ends", "accepted", "TOO_LATE", "TIME_MOVED", "QUEUE_FULL", "UNKNOWN_ENTRY", "STALE_CLAIM", "NOTHING_TO_CLAIM",
	} {
		if met[what] == 0 {
			t.Errorf("in %d seeds there was never: %s", seeds, what)
		}
	}
}

// meets counts what happened in a run.
func (s *story) meets(t *testing.T, met map[string]int) {
	t.Helper()
	log, err := s.read()
	if err != nil {
		t.Fatal(err)
	}
	met["a snapshot is spoiled"] += s.rots
	met["a tail is lost"] += s.losses
	met["a verdict that cannot be told"] += s.forgot
	met["a lease that time ends"] += len(log.ends)
	for _, b := range s.begun {
		if b.Snapshot != nil {
			met["beginning at a snapshot"]++
		}
		if gap := (*eventlog.OvertakenError)(nil); errors.As(b.Why, &gap) {
			met["overtaken by truncation"]++
		}
		if lost := (*eventlog.LostError)(nil); errors.As(b.Why, &lost) {
			met["folded beyond a lost tail"]++
		}
	}
	for _, d := range log.ruled {
		code := d.verdict.Code
		if d.verdict.Accepted() {
			code = "accepted"
		}
		met[string(code)]++
	}
	records := s.log.Whole().Records()
	for i := range records {
		c, ok := parse(&records[i])
		switch {
		case !ok:
			met["a record that is no call"]++
		case c.Seen > c.Offset:
			met["a premature record"]++
		case log.verdicts[c.ID].Offset < c.Offset && events.TypeOfRecord(&records[i]) != "":
			met["a copy"]++
		}
	}
}
