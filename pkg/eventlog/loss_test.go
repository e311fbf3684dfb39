package eventlog_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// lagging is a log whose broker shows, for some fetches, less than it has
// acknowledged: a new leader's high watermark lags.
type lagging struct {
	*memlog.Log
	shows   int64 // up to there
	fetches int   // so many more
}

func (l *lagging) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if l.fetches--; l.fetches < 0 {
		return l.Log.Fetch(ctx, from, wait)
	}
	page, err := l.Log.Fetch(ctx, from, 0)
	for i := range page.Records {
		if page.Records[i].Offset >= l.shows {
			page.Records, page.Next = page.Records[:i], max(from, l.shows)
			break
		}
	}
	page.End = max(from, l.shows)
	return page, err
}

// losses are what the log says of lost tails.
func losses(t *testing.T, log eventlog.Log) (all []*events.LogTailLost, ends [][2]uint32) {
	t.Helper()
	counted, _, _ := read(t, log)
	for i, l := range counted {
		if m, ok := l.Message.(*events.LogTailLost); ok {
			all = append(all, m)
			before := counted[i-2] // Between them stands the claim.
			ends = append(ends, [2]uint32{before.Epoch, before.N})
		}
	}
	return all, ends
}

// TestFalseAlarmLowersNoMark: what the owner says to be lost, and is not, must not
// be said to lie behind the end of the log: receivers would take it again.
func TestFalseAlarmLowersNoMark(t *testing.T) {
	t.Parallel()
	log := &lagging{Log: memlog.New()}
	b := setup(t, log.Log, "a", "b", "c", "d")
	b.outbox.got, b.inputs.chunk, b.cfg.Log = nil, 1, log
	now := time.UnixMilli(1_700_000_000_000)
	alarms := 0
	b.cfg.Now = func() time.Time { return now }
	b.cfg.Hooks.Lost = func(error) { alarms++ }
	steps := &stepped{toyInputs: b.inputs}
	b.cfg.Inputs = steps
	for i := range 8 {
		steps.before = append(steps.before, func() {
			if i == 3 {
				log.shows, log.fetches = log.End()-2, 2
				now = now.Add(time.Second)
			}
		})
	}
	if err := eventlog.NewOwner(b.cfg).Run(t.Context()); !errors.Is(err, errEnough) {
		t.Fatal(err)
	}
	told, ends := losses(t, log.Log)
	if alarms == 0 {
		t.Fatal("no alarm: the test shows nothing")
	}
	for i, m := range told {
		if m.Epoch != ends[i][0] || m.N != ends[i][1] {
			t.Errorf("the log is said to have ended with event %d/%d; it did with %d/%d", m.Epoch, m.N, ends[i][0], ends[i][1])
		}
	}
}

// TestLossesAreToldInOrder: receivers heed each loss once, by its time, so the time
// of a later one is later, though its owner's clock is behind.
func TestLossesAreToldInOrder(t *testing.T) {
	t.Parallel()
	log := memlog.New()
	for run := range 2 {
		b := setup(t, log, "a", "b", "c", "d", "e", "f", "g", "h")
		b.outbox.got, b.inputs.chunk = nil, 1
		now := time.UnixMilli(1_700_000_000_000).Add(-time.Duration(run) * time.Minute)
		b.cfg.Now = func() time.Time { return now }
		steps := &stepped{toyInputs: b.inputs}
		b.cfg.Inputs = steps
		for i := range 6 {
			steps.before = append(steps.before, func() {
				if i == 3 {
					log.Lose(log.End() - 1)
					now = now.Add(time.Second)
				}
			})
		}
		if err := eventlog.NewOwner(b.cfg).Run(t.Context()); !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
	}
	told, _ := losses(t, log)
	if len(told) != 2 || told[1].AtMs <= told[0].AtMs {
		t.Errorf("the log tells of %v, want two losses, the second one later", told)
	}
}
