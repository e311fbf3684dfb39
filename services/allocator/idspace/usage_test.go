package idspace

import (
	"fmt"
	"testing"
	"time"
)

// taking are grants of so many identifiers, one in each minute from first to last that is a
// multiple of every.
type taking struct{ first, last, every, count int64 }

// The forecast is by the last hour alone, from its first active minute on and not before ten
// are seen, and what is full lasts no longer. It is the same from a snapshot.
func TestForecasts(t *testing.T) {
	t.Parallel()
	const began, day = 1_000_000, 24 * 60
	for name, c := range map[string]struct {
		size   int64
		taken  []taking
		now    int64 // in minutes after the space began
		left   time.Duration
		absent bool
	}{
		"nothing was granted":              {size: 1000, now: 5, absent: true},
		"its first minute":                 {size: 1_000_000, taken: []taking{{0, 0, 1, 900_000}}, absent: true},
		"its first minute, a while ago":    {size: 1_000_000, taken: []taking{{0, 0, 1, 900_000}}, now: 8, absent: true},
		"ten minutes of it":                {size: 1_000_000, taken: []taking{{0, 0, 1, 900_000}}, now: 9, left: time.Minute * 10 / 9},
		"a prefetch":                       {size: 1000, taken: []taking{{0, 0, 1, 256}}, absent: true},
		"an hour ago":                      {size: 1_000_000, taken: []taking{{0, 0, 1, 900_000}}, now: 60, absent: true},
		"a burst after two months":         {size: 10_000_000, taken: []taking{{0, 60 * day, day, 1}, {61 * day, 61*day + 9, 1, 100_000}}, now: 61*day + 9, left: 90 * time.Minute},
		"a burst that follows what is old": {size: 1060, taken: []taking{{0, 0, 1, 1000}, {50, 50, 1, 10}}, now: 59, left: 60 * time.Minute * 50 / 1010},
		"more minutes than are kept":       {size: 1000, taken: []taking{{0, 199, 1, 1}}, now: 199, left: 800 * time.Minute},
		"one each two hours":               {size: 100, taken: []taking{{0, 600, 120, 1}}, now: 629, left: 94 * 30 * time.Minute},
		"full":                             {size: 10, taken: []taking{{0, 0, 1, 10}}, left: 0},
		"full for a year":                  {size: 10, taken: []taking{{0, 0, 1, 10}}, now: 365 * day, left: 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			rules := declared(1, c.size)
			rules.MaxCount, rules.AtMs = c.size, began*time.Minute.Milliseconds()
			w.must(rules)
			next := int64(1)
			for i, k := range c.taken {
				for m := k.first; m <= k.last; m += k.every {
					g := granted(fmt.Sprint(i, "-", m), next, next+k.count-1)
					g.AtMs, next = (began+m)*time.Minute.Milliseconds(), next+k.count
					w.must(g)
				}
			}
			again := New()
			if err := again.Restore(w.core.Snapshot(nil)); err != nil {
				t.Fatal(err)
			}
			for _, core := range []*Core{w.core, again} {
				left, ok := core.Space("s").Exhaustion((began + c.now) * time.Minute.Milliseconds())
				if ok == c.absent || (left-c.left).Abs() > time.Second {
					t.Errorf("it lasts %v, %v; want %v, %v", left, ok, c.left, !c.absent)
				}
			}
		})
	}
}
