package delivery

import "testing"

// Of what waits no more is let through in a second than the rate says, be there ever so much; and
// at least one is.
func TestPaceIsKept(t *testing.T) {
	for rate, want := range map[float64]int{0: 1000, 0.5: 5, 1: 10, 7: 70, 100: 1000} {
		p, left, sent := pace{rate: rate}, 1000, 0
		for now := int64(0); now < 10_000 && left > 0; {
			n := p.most(min(left, 64))
			if at := p.take(n, now); at > now {
				now = at
				continue
			}
			left, sent = left-n, sent+n
		}
		if sent > want || sent < want*9/10 {
			t.Errorf("at a rate of %v a second %d are sent in ten seconds, want %d", rate, sent, want)
		}
	}
}
