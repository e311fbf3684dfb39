package logowner

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/spanway/spanway/pkg/eventlog"
	"github.com/spanway/spanway/pkg/eventlog/memlog"
	"github.com/spanway/spanway/pkg/events"
)

// polled notes how long fetches are to wait.
type polled struct {
	*memlog.Log
	mu    sync.Mutex
	waits []time.Duration
}

func (p *polled) Fetch(ctx context.Context, from int64, wait time.Duration) (events.Page, error) {
	if wait > 0 {
		p.mu.Lock()
		p.waits = append(p.waits, wait)
		p.mu.Unlock()
	}
	return p.Log.Fetch(ctx, from, wait)
}

// taken are the waits since it was asked last.
func (p *polled) taken() []time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.waits
	p.waits = nil
	return w
}

// TestSilenceIsReadWhenItIsNeeded: sources ask seldom until the owner needs to know that
// nothing came, and then often; records wake the owner at once either way, and silence
// never does.
func TestSilenceIsReadWhenItIsNeeded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		reports, requests := &polled{Log: memlog.New()}, &polled{Log: memlog.New()}
		in := newInputs(t, requests, reports)
		defer in.close()
		in.Seek(nil)
		next := func(wait eventlog.Wait) (eventlog.Arrivals[string], time.Duration) {
			t.Helper()
			began := time.Now()
			a, err := in.Next(t.Context(), wait)
			if err != nil {
				t.Fatal(err)
			}
			return a, time.Since(began)
		}
		seldom := func(what string, l *polled, most int) {
			t.Helper()
			if n := len(l.taken()); n > most {
				t.Errorf("%s: %d fetches, want at most %d", what, n, most)
			}
		}

		forever := eventlog.Wait{For: 10 * time.Second, Silence: math.MaxInt64}
		if a, took := next(forever); len(a.Inputs) > 0 || took != forever.For {
			t.Errorf("%v came after %v of nothing", a.Inputs, took)
		}
		reports.taken()
		requests.taken()
		next(forever)
		seldom("nobody needs to know of silence", reports, 11)
		seldom("nobody needs to know of silence", requests, 11)

		needed := time.Now().Add(2500 * time.Millisecond).UnixMilli()
		a, _ := next(eventlog.Wait{For: 2501 * time.Millisecond, Silence: needed})
		seldom("it will be needed", reports, 4)
		for tries := 0; a.ReadTo <= needed; tries++ {
			if tries > 10 {
				t.Fatalf("read to %d half a second after it was needed to be beyond %d", a.ReadTo, needed)
			}
			a, _ = next(eventlog.Wait{For: 50 * time.Millisecond, Silence: needed})
		}
		if late := time.Now().UnixMilli() - needed; late > 2*shortPoll.Milliseconds()+100 {
			t.Errorf("silence is known %d ms after it was needed", late)
		}

		time.AfterFunc(300*time.Millisecond, func() { put(t, requests.Log, "a") })
		if a, took := next(forever); len(a.Inputs) != 1 || took != 300*time.Millisecond {
			t.Errorf("%v came after %v, want one input after 300 ms", a.Inputs, took)
		}
	})
}
