package delivery

// pace lets so many messages through in a second: at most those of a second at once, for which is
// waited before the next. Times are in milliseconds.
type pace struct {
	rate float64 // messages in a second; 0: any
	free float64 // when the next may be sent
}

// most is how many of n messages may go at once.
func (p *pace) most(n int) int {
	if p.rate <= 0 {
		return n
	}
	return min(n, max(1, int(p.rate)))
}

// take lets n messages through and returns now, or returns when to ask again.
func (p *pace) take(n int, now int64) (at int64) {
	if p.rate <= 0 {
		return now
	}
	if p.free > float64(now) {
		return int64(p.free) + 1
	}
	p.free = float64(now) + float64(n)/p.rate*1000
	return now
}
