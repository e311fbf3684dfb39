package eventlog_test

import (
	"context"
	"errors"
	"strings"
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

// breaking is a log that takes nothing more after so many batches.
type breaking struct {
	*memlog.Log
	left   int
	shrink bool // loses the next batch and the record before it
}

var errBroken = errors.New("the broker is away")

func (l *breaking) Append(ctx context.Context, batch []events.Record) (int64, error) {
	if l.left--; l.left < 0 {
		return 0, errBroken
	}
	base, err := l.Log.Append(ctx, batch)
	if l.shrink {
		l.Lose(base - 1)
		l.shrink = false
	}
	return base, err
}

// TestLossIsToldByTheNextOwner: who finds a loss may be gone before the log says so.
// If it has claimed the log, the claim says it, and any owner goes on from there;
// else the next owner of the process does.
func TestLossIsToldByTheNextOwner(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		appends int // after the loss; the first one shows it
		process bool
		again   bool // the claim is followed by another one that tells nothing
		shrink  bool // another loss is found before the first one is told
	}{
		"gone behind its claim":        {appends: 2},
		"gone behind its claim, twice": {appends: 2, again: true},
		"stopped before its claim":     {appends: 1, process: true},
		"stopped, and lost again":      {appends: 1, process: true, shrink: true},
		"stopped behind its claim":     {appends: 2, process: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			log := &breaking{Log: memlog.New(), left: 1 << 20}
			own := func(lost *events.LogTailLost, before ...func()) *events.LogTailLost {
				b := setup(t, log.Log, "a", "b", "c", "d", "e", "f")
				b.outbox.got, b.inputs.chunk = nil, 1
				now := time.UnixMilli(1_700_000_000_000 + log.End()*1_000)
				b.cfg.Now = func() time.Time { now = now.Add(time.Second); return now }
				b.cfg.Log, b.cfg.Inputs, b.cfg.Lost = log, &stepped{toyInputs: b.inputs, before: before}, lost
				owner := eventlog.NewOwner(b.cfg)
				var gone *eventlog.LostError
				if err := owner.Run(t.Context()); !errors.Is(err, errEnough) && !errors.Is(err, errBroken) && !errors.As(err, &gone) {
					t.Fatal(err)
				}
				return owner.Lost()
			}
			nothing := func() {}
			var seen *events.LogTailLost
			lose := func() {
				counted, _, _ := read(t, log)
				end := counted[len(counted)-1]
				seen = &events.LogTailLost{SeenEpoch: end.Epoch, SeenN: end.N}
				log.Lose(log.End() - 2)
				counted, _, _ = read(t, log)
				end = counted[len(counted)-1]
				seen.Epoch, seen.N = end.Epoch, end.N
				log.left = c.appends
			}
			kept := own(nil, nothing, nothing, nothing, nothing, lose, nothing, nothing)
			if !c.process {
				kept = nil
			}
			if c.again {
				log.left = 1
				own(nil, nothing, nothing)
			}
			log.left = 1 << 20
			if log.shrink = c.shrink; c.shrink {
				kept = own(kept, nothing)
			}
			own(kept, nothing, nothing)
			own(nil, nothing, nothing) // It tells of nothing more.
			var told []*events.LogTailLost
			counted, _, _ := read(t, log)
			for _, l := range counted {
				if m, ok := l.Message.(*events.LogTailLost); ok {
					told = append(told, m)
				}
			}
			if len(told) != 1 || told[0].SeenEpoch != seen.SeenEpoch || told[0].SeenN < seen.SeenN ||
				told[0].Epoch != seen.Epoch || told[0].N != seen.N {
				t.Errorf("the log tells of %v, want %v", told, seen)
			}
		})
	}
}

// The remedy names the log that was lost, or the program that owns it.
func TestLossErrorNamesItsLog(t *testing.T) {
	for topic, want := range map[string]string{
		"test.tasks.events": "spanway log reset test.tasks.events/3 --accept-loss",
		"counter.events":    "eventlog.Reset in the program that owns it",
	} {
		if text := (&eventlog.LossError{Topic: topic, Partition: 3}).Error(); !strings.Contains(text, want) {
			t.Errorf("%q does not say %q", text, want)
		}
	}
}

// TestALossThatCouldNotBe: what a witness says to have seen in an epoch that the log
// cannot have come to declares no loss; what it can does.
func TestALossThatCouldNotBe(t *testing.T) {
	t.Parallel()
	for epoch, want := range map[uint32]int{1<<32 - 1: 0, 102: 0, 101: 1, 2: 1} {
		log := memlog.New()
		b := setup(t, log, "a", "b", "c")
		b.outbox.got = nil
		now := time.UnixMilli(1_700_000_000_000)
		b.cfg.Now = func() time.Time { return now }
		b.cfg.Inputs = &witnessed{stepped: &stepped{toyInputs: b.inputs, before: []func(){func() {}, func() {}, func() {}, func() {}}}, epoch: epoch}
		if err := eventlog.NewOwner(b.cfg).Run(t.Context()); !errors.Is(err, errEnough) {
			t.Fatal(err)
		}
		if told, _ := losses(t, log); len(told) != want {
			t.Errorf("of an event of epoch %d in a log of epoch 1: %v", epoch, told)
		}
	}
}

// witnessed are inputs among which somebody says, once, to have seen an event.
type witnessed struct {
	*stepped
	epoch uint32
}

func (w *witnessed) Next(ctx context.Context, wait eventlog.Wait) (eventlog.Arrivals[string], error) {
	if epoch := w.epoch; epoch != 0 && len(w.before) == 2 {
		w.epoch = 0
		return eventlog.Arrivals[string]{}, &eventlog.WitnessError{Epoch: epoch, N: 7, Witness: "the test"}
	}
	return w.stepped.Next(ctx, wait)
}
