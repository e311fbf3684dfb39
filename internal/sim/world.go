package sim

import (
	"math/rand/v2"
	"time"
)

// Chances are the probabilities of what may happen to one message.
type Chances struct {
	// Drop: it never arrives. Slow: it is under way for up to SlowMax instead
	// of some milliseconds. Double: it arrives a second time, as late.
	Drop, Double, Slow float64
	SlowMax            time.Duration
}

// World is the simulated time and everything that waits for it. It has no
// locks: all that touches it runs one after the other.
type World struct {
	// Rand is the only source of chance.
	Rand *rand.Rand
	// Chances of messages from now on.
	Chances Chances

	now   time.Duration // since epoch
	queue []action
	count uint64
}

// action is something that happens at a time; those of the same time happen in
// the order in which they were planned.
type action struct {
	at    time.Duration
	order uint64
	do    func()
}

// epoch is when all worlds begin.
const epoch = 1_700_000_000_000 * time.Millisecond

// NewWorld returns a world in which nothing is planned yet.
func NewWorld(seed uint64) *World {
	return &World{Rand: rand.New(rand.NewPCG(seed, 0x5eed)), now: epoch}
}

// Now is the simulated time.
func (w *World) Now() time.Time { return time.UnixMicro(w.now.Microseconds()) }

// Elapsed is the simulated time since the world began.
func (w *World) Elapsed() time.Duration { return w.now - epoch }

// After plans something.
func (w *World) After(d time.Duration, do func()) {
	w.count++
	w.queue = append(w.queue, action{w.now + d, w.count, do})
	for i := len(w.queue) - 1; i > 0; {
		up := (i - 1) / 2
		if !w.before(i, up) {
			break
		}
		w.queue[i], w.queue[up] = w.queue[up], w.queue[i]
		i = up
	}
}

// Run lets everything happen that is planned before the end of d.
func (w *World) Run(d time.Duration) {
	for end := w.now + d; ; {
		if len(w.queue) == 0 || w.queue[0].at > end {
			w.now = end
			return
		}
		a := w.pop()
		w.now = a.at
		a.do()
	}
}

func (w *World) before(i, j int) bool {
	a, b := &w.queue[i], &w.queue[j]
	return a.at < b.at || a.at == b.at && a.order < b.order
}

func (w *World) pop() action {
	top, last := w.queue[0], len(w.queue)-1
	w.queue[0] = w.queue[last]
	w.queue[last] = action{}
	w.queue = w.queue[:last]
	for i := 0; ; {
		least := i
		for child := 2*i + 1; child <= 2*i+2 && child < last; child++ {
			if w.before(child, least) {
				least = child
			}
		}
		if least == i {
			return top
		}
		w.queue[i], w.queue[least] = w.queue[least], w.queue[i]
		i = least
	}
}

// Chance is true with that probability.
func (w *World) Chance(p float64) bool { return p > 0 && w.Rand.Float64() < p }

// Between is a random duration.
func (w *World) Between(low, high time.Duration) time.Duration { return Between(w.Rand, low, high) }

// Between is a random duration from another source of chance than the world's.
func Between(chance *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(chance.Int64N(int64(high-low)+1))
}

// Delay is how long one message is under way.
func (w *World) Delay() time.Duration {
	if w.Chance(w.Chances.Slow) {
		return w.Between(time.Millisecond, w.Chances.SlowMax)
	}
	return w.Between(100*time.Microsecond, 3*time.Millisecond)
}

// Send lets a message arrive: never, once, or twice.
func (w *World) Send(arrive func()) {
	if !w.Chance(w.Chances.Drop) {
		w.After(w.Delay(), arrive)
	}
	if w.Chance(w.Chances.Double) {
		w.After(w.Between(time.Millisecond, w.Chances.SlowMax), arrive)
	}
}
