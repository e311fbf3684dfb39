package shared

import (
	"context"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/sim"
	"github.com/spanway/spanway/pkg/events"
)

// mutant breaks one rule of shared logs in a whole world.
type mutant struct {
	// Of hosts.
	trustsAcks      bool // an acknowledgement is taken for acceptance
	freshIDs        bool // after an unknown outcome the call is made again under another ID
	believesTooLate bool // TOO_LATE is taken for the verdict where the fold may have forgotten it
	termless        bool // a follower does not see that the log has lost its tail
	// Of folds.
	bend          func(f *fold, l *events.Logged)
	wideHorizon   bool
	bareSnapshots bool // without the calls
	earlyLeases   bool // a lease counts from the move of time before it
	floorless     bool // a core does not say what it still refers to
	// Of keepers.
	ownStart bool // passed time is measured from the keeper's start
	greedy   bool // the log is deleted up to the newest snapshot
}

// forgetsRefusals decides a call anew that was refused.
func forgetsRefusals(f *fold, l *events.Logged) {
	for v, known := f.Verdict(l.Call.ID); known && !v.Accepted(); v, known = f.Verdict(l.Call.ID) {
		l.Call.ID[len(l.Call.ID)-1]++
	}
}

// neverTooLate takes a call however old it is; verdicts are still forgotten.
func neverTooLate(_ *fold, l *events.Logged) { l.Call.Seen = max(l.Call.Seen, l.Offset-horizon) }

// movesAlways moves the time on whatever it is.
func movesAlways(f *fold, l *events.Logged) {
	if m, ok := l.Message.(*events.LogTimePassed); ok {
		m = proto.CloneOf(m)
		now, _ := f.Now()
		m.FromMs, m.ToMs = now, now+m.ToMs-m.FromMs
		l.Message = m
	}
}

// greedy deletes up to the newest snapshot.
type greedy struct {
	*sim.Truncator
	story *story
}

func (g *greedy) DeleteRecords(ctx context.Context, of string, partition int32, before int64) error {
	if of == topic {
		if list, err := g.story.store(g.story.snapshots.Log).List(ctx); err == nil && len(list) > 0 {
			before = max(before, list[0].Manifest.Offset)
		}
	}
	return g.Truncator.DeleteRecords(ctx, of, partition, before)
}

var mutants = []struct {
	name   string
	mutant mutant
	lossy  bool
}{
	{"the verdict is the acknowledgement", mutant{trustsAcks: true}, false},
	{"a fresh call ID after an unknown outcome", mutant{freshIDs: true}, false},
	{"refusals are not remembered", mutant{bend: forgetsRefusals}, false},
	{"no horizon", mutant{bend: neverTooLate}, false},
	{"snapshots without the calls", mutant{bareSnapshots: true}, false},
	{"a horizon that ends late", mutant{wideHorizon: true}, false},
	{"time moves without comparing", mutant{bend: movesAlways}, false},
	{"a keeper measures from its own start", mutant{ownStart: true}, false},
	{"a lease counts from the last move of time", mutant{earlyLeases: true}, false},
	{"truncation behind one snapshot", mutant{greedy: true}, false},
	{"no floor", mutant{floorless: true}, false},
	{"TOO_LATE of what may be forgotten", mutant{believesTooLate: true}, false},
	{"a lost tail is not seen", mutant{termless: true}, true},
}

func TestSimSharedMutantsDie(t *testing.T) {
	t.Parallel()
	for _, m := range mutants {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			sim.Dies(t, func(seed uint64) sim.Story {
				if m.lossy {
					return newLossy(seed, m.mutant)
				}
				return newStory(seed, m.mutant)
			})
		})
	}
}
