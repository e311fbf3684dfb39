package copying

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// heavy are records of a size.
func heavy(n, size int) []events.Record {
	all := numbered(0, n)
	for i := range all {
		all[i].Value = make([]byte, size)
	}
	return all
}

func TestWhatALimitLetsPass(t *testing.T) {
	for _, c := range []struct {
		name           string
		bytes, records int64
		batch          []events.Record
		during         time.Duration
		most           int // at once
		from, to       int // altogether
	}{
		{"ten records a second, of a page of thousands", 0, 10, numbered(0, 5000), 10 * time.Second, 1, 100, 104},
		{"one record a second", 0, 1, numbered(0, 5000), 10 * time.Second, 1, 10, 12},
		{"thousands of records a second", 0, 5000, numbered(0, 60_000), 10 * time.Second, 500, 49_500, 52_000},
		{"more than a page has", 0, 1_000_000, numbered(0, 100), time.Second, 100, 100, 100},
		{"bytes", int64(10 * heavy(1, 1000)[0].Size()), 0, heavy(200, 1000), 10 * time.Second, 1, 100, 104},
		{"records that are larger than a second takes", int64(heavy(1, 1000)[0].Size() / 2), 0, heavy(200, 1000), 10 * time.Second, 1, 5, 6},
		{"both: the lower one counts", 1 << 30, 20, numbered(0, 1000), 10 * time.Second, 2, 198, 208},
	} {
		t.Run(c.name, func(t *testing.T) {
			l := NewLimiter(c.bytes, c.records)
			began, all := time.Now(), 0
			for now := began; now.Sub(began) < c.during && all < len(c.batch); {
				n, wait, _ := l.try(c.batch[all:], now)
				if all += n; n > c.most {
					t.Fatalf("%d records pass at once, want at most %d", n, c.most)
				}
				if wait > 2500*time.Millisecond {
					t.Fatalf("nothing passes for %s", wait)
				}
				now = now.Add(wait)
			}
			if all < c.from || all > c.to {
				t.Errorf("%d records have passed in %s, want %d to %d", all, c.during, c.from, c.to)
			}
		})
	}
}

func TestALimitThatIsChangedAppliesToWhatWaits(t *testing.T) {
	l := NewLimiter(0, 1)
	batch := numbered(0, 10)
	l.take(t.Context(), batch)
	l.mu.Lock()
	l.records.level = -1e6 // It would wait for days.
	changed := l.changed
	l.mu.Unlock()
	var all sync.WaitGroup
	for range 3 { // One waits for its time, the others for their turns.
		all.Go(func() {
			if n := l.take(t.Context(), batch); n == 0 {
				t.Error("nothing passes")
			}
		})
	}
	l.Set(0, 1)
	select {
	case <-changed:
		t.Error("a limit that is set again as it was counts as changed")
	default:
	}
	l.Set(0, 0)
	all.Wait()
	l.Set(0, 1)
	l.take(t.Context(), batch)
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	l.mu.Lock()
	l.records.level = -1e6
	l.mu.Unlock()
	if n := l.take(ended, batch); n != 0 {
		t.Errorf("%d records pass when it has ended", n)
	}
}

func TestLimitsAndRoom(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 400)...)
	cfg := s.config()
	cfg.Limit, cfg.Room = NewLimiter(0, 20), NewRoom(1)
	r := start(t, cfg)
	first := r.until("some are copied", func(r *Report) bool { return r.Next > 0 })
	if first.Next > 20 {
		t.Errorf("%d records are copied at once, with a limit of 20 a second", first.Next)
	}
	began := time.Now()
	cfg.Limit.Set(0, 1)
	cfg.Limit.Set(0, 1_000_000)
	r.until("all is copied", next(400))
	if took := time.Since(began); took > patient/2 {
		t.Errorf("a new limit does not count: %s", took)
	}
	r.stop()
	if len(cfg.Room.common) > 0 {
		t.Error("room was not given back")
	}
	if err := compare(here, there, s.source.all(), s.target.all(), 1); err != nil {
		t.Error(err)
	}
}

// What waits is as old as the first record that is not copied, not as the last that is.
func TestTheOldestThatWaits(t *testing.T) {
	s := newStage()
	s.source.append(numbered(1000, 100)...)
	cfg := s.config()
	cfg.Limit = NewLimiter(0, 20)
	r := start(t, cfg)
	some := r.until("some are copied", func(r *Report) bool { return r.Next > 2 && r.Next < 90 })
	if some.Oldest != 1000+some.Next || some.SeenAt.IsZero() {
		t.Errorf("%d comes next, and the oldest is %d, seen at %v", some.Next, some.Oldest, some.SeenAt)
	}
	cfg.Limit.Set(0, 0)
	if all := r.until("all is copied", next(100)); all.Oldest != 0 {
		t.Errorf("nothing waits, and is %d old", all.Oldest)
	}
}

// A copy that its limit holds up still renews its claim, and saves how far it is.
func TestALimitHoldsUpNothingElse(t *testing.T) {
	s := newStage()
	s.source.append(numbered(0, 100)...)
	cfg := s.config()
	cfg.Limit = NewLimiter(0, 1)
	w := &renewed{writer: writer{of: s.target}, each: make(chan struct{}, 100)}
	cfg.Target = w
	r := start(t, cfg)
	r.until("the first is copied", func(r *Report) bool { return r.Next > 0 })
	cfg.Limit.mu.Lock()
	cfg.Limit.records.level = -1e6
	cfg.Limit.mu.Unlock()
	for range 3 {
		select {
		case <-w.each:
		case <-time.After(patient):
			t.Fatal("its claim is not renewed")
		}
	}
}

// renewed is a writer that is renewed often.
type renewed struct {
	writer
	each chan struct{}
}

func (w *renewed) Claim(ctx context.Context) (Claimed, error) {
	c, err := w.writer.Claim(ctx)
	c.RenewEvery = 10 * time.Millisecond
	return c, err
}

func (w *renewed) Renew(ctx context.Context) error {
	select {
	case w.each <- struct{}{}:
	default:
	}
	return w.writer.Renew(ctx)
}
