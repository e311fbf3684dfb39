package sharedlogtest

import (
	"testing"
	"time"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// timePasses: a lease ends, and not before its time.
func timePasses(t *testing.T, p *Partition) {
	h := p.start(t)
	keep(t, p.keeper(h, 0, 0))
	began := time.Now()
	const d = 50 * time.Millisecond
	h.call(t, lease("a", d), "")
	h.until(t, "the lease ends", func(core *Seats, _ sharedlog.Position) bool { return core.Taken["a"] == nil })
	if took := time.Since(began); took < d {
		t.Errorf("a lease of %v ended after %v", d, took)
	}
	h.call(t, take("a"), "")
}

// twoKeepers: whichever moves the time on, it is no faster than the clock.
func twoKeepers(t *testing.T, p *Partition) {
	began := time.Now()
	hosts := []*hosted{p.start(t), p.start(t)}
	for _, h := range hosts {
		keep(t, p.keeper(h, 0, 0))
	}
	for i := range 6 {
		h := hosts[i%2]
		h.call(t, lease("a", 10*time.Millisecond), "")
		h.until(t, "the lease ends", func(core *Seats, _ sharedlog.Position) bool { return core.Taken["a"] == nil })
	}
	// A zombie moves the time from where it was long ago.
	hosts[0].call(t, &events.LogTimePassed{FromMs: 1 << 40, ToMs: 1<<40 + 1}, events.CodeTimeMoved)
	_, at := hosts[0].state(t)
	if passed := time.Since(began).Milliseconds(); at.Now > passed || at.Now < 60 {
		t.Errorf("in %d ms the time of the log moved to %d", passed, at.Now)
	}
}
