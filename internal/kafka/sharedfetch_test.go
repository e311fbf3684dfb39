package kafka

import (
	"testing"
	"time"
)

// What an answer leaves out waits on, but no longer than half of its time.
func TestWhatAnAnswerLeavesOutIsNotHeldForEver(t *testing.T) {
	w := &waiting{underway: map[*sharedFetch]struct{}{}, gathering: true} // Nothing is sent.
	f := newSharedFetch(w, 1, 0)
	defer f.cancel()
	now := time.Now()
	waiterOf := func(topic string, half time.Time) *waiter {
		one := &waiter{place: place{topic: topic}, half: half, until: half.Add(time.Hour), told: make(chan outcome, 1)}
		f.name(one, 0)
		return one
	}
	enough, early, gone := waiterOf("enough", now), waiterOf("early", now.Add(time.Hour)), waiterOf("gone", now)
	gone.gone = true
	if f.land(&fetchResponse{}) {
		t.Error("something came with an answer of nothing")
	}
	f.again(0)
	if len(enough.told) != 1 || len(early.told) != 0 || len(gone.told) != 0 {
		t.Errorf("%d, %d and %d are told, want 1, 0, 0", len(enough.told), len(early.told), len(gone.told))
	}
	if len(w.gathered) != 1 || w.gathered[0] != early {
		t.Errorf("%d are gathered, want the one that is early", len(w.gathered))
	}
}
