package steady_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/spanway/spanway/internal/steady"
)

// begin is an arbitrary time of day at which the clocks of the tests begin.
const begin = int64(1_700_000_000_000_000_000)

// host is a machine whose clock may be set.
type host struct {
	elapsed, offset time.Duration
}

func (h *host) read() steady.Reading {
	return steady.Reading{Wall: begin + int64(h.elapsed+h.offset), Elapsed: 77 + int64(h.elapsed)}
}

// A clock that was a minute ahead for three seconds, and was corrected, once made time
// stand still for a minute.
func TestAMinuteAheadForThreeSecondsChangesNothing(t *testing.T) {
	t.Parallel()
	h := host{}
	c := steady.New(h.read())
	last := c.Tell(h.read())
	for range 90 {
		switch h.elapsed += time.Second; h.elapsed {
		case 10 * time.Second:
			h.offset = time.Minute
		case 13 * time.Second:
			h.offset = 0
		}
		now := c.Tell(h.read())
		if d := time.Duration(now - last); d < 900*time.Millisecond || d > 1100*time.Millisecond {
			t.Errorf("after %v, a second took %v", h.elapsed, d)
		}
		last = now
	}
	if got := time.Duration(last - begin); got != h.elapsed {
		t.Errorf("the time is %v after the beginning, want %v: it is level again", got, h.elapsed)
	}
}

// Whatever is done to the time of day, an interval is measured right to a sixteenth, and
// time never stands still.
func TestIntervalsAreRightWhateverIsDoneToTheClock(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		h := host{}
		c := steady.New(h.read())
		for range rapid.IntRange(1, 50).Draw(t, "readings") {
			before := c.Tell(h.read())
			passed := time.Duration(rapid.Int64Range(0, int64(time.Hour)).Draw(t, "passed"))
			h.elapsed += passed
			h.offset = time.Duration(rapid.Int64Range(-int64(240*time.Hour), int64(240*time.Hour)).Draw(t, "offset"))
			told := time.Duration(c.Tell(h.read()) - before)
			if (told - passed).Abs() > passed/16 {
				t.Fatalf("%v passed and %v was told, at offset %v", passed, told, h.offset)
			}
		}
	})
}

// A correction that stays is followed.
func TestACorrectionIsFollowed(t *testing.T) {
	t.Parallel()
	for _, offset := range []time.Duration{time.Minute, -time.Minute} {
		h := host{}
		c := steady.New(h.read())
		h.offset = offset
		for range 17 * 60 {
			h.elapsed += time.Second
			c.Tell(h.read())
		}
		if got, want := c.Tell(h.read()), h.read().Wall; got != want {
			t.Errorf("offset %v: off by %v a quarter of an hour later", offset, time.Duration(got-want))
		}
	}
}

// A reading that another goroutine took earlier does not set the clock back.
func TestAnEarlierReadingChangesNothing(t *testing.T) {
	t.Parallel()
	h := host{}
	early := h.read()
	c := steady.New(early)
	h.elapsed = time.Second
	now := c.Tell(h.read())
	if got := c.Tell(early); got != now {
		t.Errorf("told %d after %d", got, now)
	}
}

func TestTheHostsClockGoesOn(t *testing.T) {
	t.Parallel()
	c := steady.New(steady.Read())
	for began, bound := c.Now(), time.Now().Add(30*time.Second); !c.Now().After(began); {
		if time.Now().After(bound) {
			t.Fatal("the clock stands still")
		}
	}
}
