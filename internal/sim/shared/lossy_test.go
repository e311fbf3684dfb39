package shared

import (
	"context"
	"time"

	"github.com/spanway/spanway/internal/sim"
)

// newLossy returns a story in which the log loses its tail: once in the chaos and once in
// peace, each time with what was acknowledged and what users were told.
func newLossy(seed uint64, m mutant) *story {
	s := newStory(seed, m)
	s.lossy, s.usedUntil = true, chaosTime+3*time.Second
	w := s.world
	w.After(w.Between(chaosTime/4, chaosTime), s.lose)
	w.After(chaosTime+time.Second, s.lose)
	return s
}

// lose cuts the tail, but nothing below the older snapshot. It waits for housekeeping to
// pause: what that is about to delete it has already looked at.
func (s *story) lose() {
	for _, job := range s.jobs {
		if job.Alive() {
			s.world.After(time.Millisecond, s.lose)
			return
		}
	}
	keeps := int64(1)
	usable, _, err := s.store(s.snapshots.Log).Usable(context.Background(), s.log.Log)
	if err == nil && len(usable) > 0 {
		keeps = usable[min(1, len(usable)-1)].Manifest.Offset
	}
	from := max(keeps, s.log.End()-1-s.world.Rand.Int64N(1+s.world.Rand.Int64N(40)))
	r, err := s.read()
	if err == nil {
		err = s.sound(r)
	}
	if err != nil {
		s.blame(err)
	}
	s.terms = append(s.terms, r)
	s.losses++
	s.note("the log loses what stands from %d on, up to %d", from, s.log.End())
	s.log.Lose(from)
}

var _ sim.Teller = (*story)(nil)
