package sharedlog

import (
	"math"
	"testing"
	"time"
)

// A keeper that is replaced forgets what has passed since the last move: something that is due
// ends all the same, however often that is, and never before. What waits for long does not
// move the time often, and what waits for nothing does not at all.
func TestPace(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		due      time.Duration
		replaced time.Duration // after so long; 0: never
		within   time.Duration
		moves    int
	}{
		"nothing is due":                 {due: math.MaxInt64, within: time.Hour},
		"a short lease":                  {due: 500 * time.Millisecond, within: 501 * time.Millisecond, moves: 1},
		"a lease of half a minute":       {due: 30 * time.Second, within: 31 * time.Second, moves: 20},
		"an hour":                        {due: time.Hour, within: time.Hour + time.Second, moves: 100},
		"a short lease, often replaced":  {due: 10 * time.Second, replaced: 3 * time.Second, within: 18 * time.Second, moves: 10},
		"an hour, often replaced":        {due: time.Hour, replaced: 100 * time.Second, within: 2 * time.Hour, moves: 120},
		"an hour, replaced once a while": {due: time.Hour, replaced: 20 * time.Minute, within: time.Hour + 5*time.Minute, moves: 110},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			const tick = 100 * time.Millisecond
			clock := time.Unix(1_000_000, 0)
			var now int64
			began, moves, due := clock, 0, c.due.Milliseconds()
			if c.due == math.MaxInt64 {
				due = math.MaxInt64
			}
			p, here := Pace{since: clock}, clock
			p.Folded(now, due)
			for ; now < due && clock.Sub(began) < c.within; clock = clock.Add(tick) {
				if c.replaced > 0 && clock.Sub(here) >= c.replaced {
					p, here = Pace{since: clock}, clock
					p.Folded(now, due)
				}
				m, wait := p.Next(clock)
				if m == nil {
					if wait <= 0 {
						t.Fatalf("it waits for %v", wait)
					}
					continue
				}
				if now, moves = m.ToMs, moves+1; m.FromMs >= m.ToMs || now > clock.Sub(began).Milliseconds() {
					t.Fatalf("after %v the time moves from %d to %d", clock.Sub(began), m.FromMs, m.ToMs)
				}
				p.Moved(clock)
				p.Folded(now, due)
			}
			if now < due && due != math.MaxInt64 || moves > c.moves {
				t.Errorf("after %v and %d moves the time is %d ms, and %d ms are due; want at most %d moves", clock.Sub(began), moves, now, due, c.moves)
			}
		})
	}
}
