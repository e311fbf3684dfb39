package idspace

import (
	"math"
	"slices"
	"time"
)

// usage is how many identifiers of a space were live or rested lately: one sample for each
// minute in which that changed, by the time of day that stands in events, and before them one
// that says what was taken before the first of those. It is for forecasts; nothing is decided
// by it.
type usage struct {
	samples []sample // the oldest first
}

// sample is how many were taken at the end of a minute.
type sample struct{ minute, taken int64 }

const (
	// maxSamples is how many are kept.
	maxSamples = 60
	// maxBack is by how many minutes a time of day may lie before one that was seen;
	// what is further back says that the other was wrong.
	maxBack = 60
	// window is how many minutes a forecast looks back.
	window = 60
	// enough is how many minutes of them a forecast needs: what is taken at once, as by a
	// prefetch, is no rate.
	enough = 10
	// maxMinute is the last that a time.Duration can tell from the first.
	maxMinute = math.MaxInt64 / int64(time.Minute)
)

// began notes that a space began at a time of day: before that minute nothing was taken.
func (u *usage) began(atMs int64) { u.at(atMs-time.Minute.Milliseconds(), 0) }

// at notes how many are taken at a time of day, in milliseconds since the Unix epoch.
func (u *usage) at(atMs, taken int64) {
	minute := atMs / time.Minute.Milliseconds()
	if minute < 1 || minute > maxMinute {
		u.taken(taken)
		return
	}
	if n := len(u.samples); n > 0 {
		switch last := &u.samples[n-1]; {
		case minute < last.minute-maxBack:
			u.samples = append(u.samples[:0], sample{minute - 1, last.taken})
		case minute <= last.minute:
			last.taken = taken
			return
		}
	}
	if len(u.samples) == maxSamples {
		u.samples = slices.Delete(u.samples, 0, 1)
	}
	u.samples = append(u.samples, sample{minute, taken})
}

// taken notes how many are, at the time that was seen last.
func (u *usage) taken(taken int64) {
	if n := len(u.samples); n > 0 {
		u.samples[n-1].taken = taken
	}
}

// Exhaustion says how long the free identifiers last if as many are taken on as lately: as
// from the first minute of the last 60 in which grants were made or ended, up to nowMs, the
// time of day in milliseconds since the Unix epoch. ok is false if they do not become fewer,
// and until ten minutes of that were seen.
func (s *Space) Exhaustion(nowMs int64) (left time.Duration, ok bool) {
	free := s.Room().Free
	if free == 0 {
		return 0, true
	}
	taken, minutes := s.usage.lately(nowMs)
	if taken <= 0 || minutes < enough {
		return 0, false
	}
	lasts := float64(free) / float64(taken) * float64(minutes) * float64(time.Minute)
	return time.Duration(min(lasts, math.MaxInt64/2)), true
}

// lately is how many more are taken than before the first minute of the last 60 in which
// that changed, and how many minutes began since, that one included.
func (u *usage) lately(nowMs int64) (taken, minutes int64) {
	n := len(u.samples)
	if n < 2 {
		return 0, 0
	}
	last := u.samples[n-1]
	now := max(nowMs/time.Minute.Milliseconds(), last.minute)
	for i := 1; i < n; i++ {
		if first := u.samples[i]; first.minute > now-window {
			return last.taken - u.samples[i-1].taken, now - first.minute + 1
		}
	}
	return 0, 0
}
