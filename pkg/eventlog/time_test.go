package eventlog_test

import (
	"strings"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// TestTimesOfTheRuntimeNeverGoBack: an owner whose clock is behind that of the one before
// it goes on from the times in the log, whether it has read them or begins at a snapshot.
// The events are those that the runtime itself writes, not the core.
func TestTimesOfTheRuntimeNeverGoBack(t *testing.T) {
	t.Parallel()
	for name, snapshots := range map[string]bool{"from the log": false, "from a snapshot": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newShelf(memlog.New())
			for owner, behind := range []time.Duration{0, time.Hour, 2 * time.Hour, 3 * time.Hour} {
				b := setup(t, s.log, strings.Split("abcdefghijklmnopqrstuvwx"[:6*(owner+1)], "")...)
				steps := 0
				s.run(t, b, 12, func(cfg *eventlog.OwnerConfig[string]) {
					now := cfg.Now
					cfg.Now = func() time.Time { return now().Add(-behind) }
					if !snapshots {
						cfg.Snapshots = nil
					}
					cfg.Hooks.Kept = nil // A snapshot of what was lost is refused.
					cfg.Hooks.Claimed = func() { steps = 0 }
					cfg.Hooks.Observe = func(eventlog.Core[string]) {
						if steps++; steps == 4 && owner == 2 {
							s.log.Lose(s.log.End() - 1) // LogTailLost must have its time in order, too.
						}
					}
				})
			}
			if snapshots == (s.restored == nil) {
				t.Fatalf("the last owner began at the snapshot %v", s.restored)
			}
			counted, _, _ := read(t, s.log)
			found := map[events.Type]int{}
			var newest int64
			for _, l := range counted {
				m, ok := l.Message.(interface{ GetAtMs() int64 })
				if !ok {
					continue
				}
				if l.Type != events.TypeTaskAccepted { // The toy core goes by the host's clock alone.
					found[l.Type]++
					if m.GetAtMs() < newest {
						t.Errorf("%s at %d is of %d, %d ms before an event that stands already", l.Type, l.Offset, m.GetAtMs(), newest-m.GetAtMs())
					}
				}
				newest = max(newest, m.GetAtMs())
			}
			if found[events.TypeLogPublished] < 3 || found[events.TypeLogTailLost] == 0 {
				t.Errorf("the log has %v: the test shows too little", found)
			}
		})
	}
}

// TestTimeOfAResetIsInOrder: what an operator accepts stands behind all times that are
// still known.
func TestTimeOfAResetIsInOrder(t *testing.T) {
	t.Parallel()
	s := newShelf(memlog.New())
	b := setup(t, s.log, "a", "b", "c", "d", "e", "f")
	s.run(t, b, 10, func(cfg *eventlog.OwnerConfig[string]) { cfg.Snapshots = nil })
	counted, _, _ := read(t, s.log)
	newest := counted[len(counted)-1].Message.(*events.LogPublished).AtMs
	s.log.Truncate(2)
	accepted, err := eventlog.Reset(t.Context(), eventlog.ResetConfig{
		Log: s.log, Snapshots: s.store(), NewFold: newToyFold, Encoder: b.cfg.Encoder, Random: b.cfg.Random,
		Now: func() time.Time { return time.UnixMilli(newest).Add(-time.Hour) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if accepted.AtMs < newest {
		t.Errorf("the loss is accepted %d ms before the newest event", newest-accepted.AtMs)
	}
}
