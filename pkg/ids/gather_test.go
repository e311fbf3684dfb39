package ids

import (
	"testing"
	"testing/synctest"
	"time"
)

// As many requests are waited for as were sent the last time, and for none if that was one.
func TestRequestsWaitForAsManyAsTheLastTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newTogether()
		ask := func(n int) {
			for range n {
				s.add(&waiter{})
			}
		}
		// gathered are as many as wait now, and as many more that ask once it is waited for them.
		gathered := func(now, later int) (n int, waited time.Duration) {
			began := time.Now()
			ask(now)
			done := make(chan int)
			go func() { done <- len(s.gather()) }()
			synctest.Wait()
			<-time.After(time.Microsecond)
			ask(later)
			n = <-done
			return n, time.Since(began) - time.Microsecond
		}
		for _, c := range []struct {
			now, later, want int
			waited           time.Duration
		}{
			{now: 3, want: 3},
			{now: 1, later: 2, want: 3}, // As many as the last time.
			{now: 4, want: 4},           // They are there already.
			{now: 1, later: 1, want: 2, waited: gathering - time.Microsecond}, // No more come.
			{now: 1, later: 1, want: 2},
			{now: 1, want: 1, waited: gathering - time.Microsecond},
			{now: 1, want: 1}, // Alone, it waits for none.
		} {
			n, waited := gathered(c.now, c.later)
			if n != c.want || waited != c.waited {
				t.Errorf("%d requests, then %d: sent %d after %v more; want %d after %v", c.now, c.later, n, waited, c.want, c.waited)
			}
			if s.last != c.want || !s.add(&waiter{}) {
				t.Errorf("%d were taken; a request behind them is to be sent, too", s.last)
			}
			s.waiting, s.sending = nil, false
		}
	})
}
