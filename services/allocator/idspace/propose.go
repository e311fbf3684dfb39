package idspace

import "github.com/spanway/spanway/pkg/events"

// Propose returns the range that best fits a grant of so many identifiers: the shortest
// free one that is long enough, of those the first, and of it the beginning; else what was
// never used; else what is free at the end together with what was never used. It is a
// function of the space and changes nothing. The code is CodeBadCount or CodeExhausted;
// Room tells what there is instead.
func (s *Space) Propose(count int64) (from, to int64, code events.Code) {
	if count < 1 || count > s.rules.MaxCount {
		return 0, 0, events.CodeBadCount
	}
	if p := s.free.from(key{major: count}); p != nil {
		return p.from, p.from + count - 1, ""
	}
	for _, from := range [...]int64{s.next, s.tail()} {
		if s.rules.To-from+1 >= count {
			return from, from + count - 1, ""
		}
	}
	return 0, 0, events.CodeExhausted
}

// tail is where the free range begins that reaches to the end of the space: beyond it if
// there is none.
func (s *Space) tail() int64 {
	if last := s.spans.last(); last != nil && last.state == Free {
		return last.from
	}
	return s.next
}

// Room says how much of the space is free, live and resting.
func (s *Space) Room() *events.IdsRoom {
	size := s.rules.To - s.rules.From + 1
	largest := s.rules.To - s.tail() + 1
	if longest := s.free.last(); longest != nil {
		largest = max(largest, longest.count())
	}
	return &events.IdsRoom{
		Size: size, Free: size - s.live - s.resting, Live: s.live, Quarantined: s.resting, LargestFree: largest,
	}
}

// Fragmentation is the part of what is free that is not in the largest free range: 0 if
// all of it is, near 1 if it is in many small ones.
func (s *Space) Fragmentation() float64 {
	r := s.Room()
	if r.Free == 0 {
		return 0
	}
	return 1 - float64(r.LargestFree)/float64(r.Free)
}
