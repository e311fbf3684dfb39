package idspace

import (
	"math"
	"slices"
	"time"
)

// usage is how many identifiers of a space were live or rested lately: one sample for each
// minute in which that changed, by the time of day that stands in events. It is for
// forecasts; nothing is decided by it.
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
	// maxMinute is the last that a time.Duration can tell from the first.
	maxMinute = math.MaxInt64 / int64(time.Minute)
)

// at notes how many are taken at a time of day, in milliseconds since the Unix epoch.
func (u *usage) at(atMs, taken int64) {
	minute := atMs / time.Minute.Milliseconds()
	if atMs <= 0 || minute > maxMinute {
		u.taken(taken)
		return
	}
	if n := len(u.samples); n > 0 {
		switch last := &u.samples[n-1]; {
		case minute < last.minute-maxBack:
			u.samples = u.samples[:0]
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

// Exhaustion says how long the free identifiers last if as many are taken on as lately: by
// the last 60 minutes in which grants were made or ended, up to nowMs, the time of day in
// milliseconds since the Unix epoch. ok is false if they do not become fewer.
func (s *Space) Exhaustion(nowMs int64) (left time.Duration, ok bool) {
	u := s.usage.samples
	if len(u) == 0 {
		return 0, false
	}
	first, last := u[0], u[len(u)-1]
	minutes := max(nowMs/time.Minute.Milliseconds(), last.minute) - first.minute
	taken := last.taken - first.taken
	if taken <= 0 || minutes <= 0 {
		return 0, false
	}
	lasts := float64(s.Room().Free) / float64(taken) * float64(minutes) * float64(time.Minute)
	return time.Duration(min(lasts, math.MaxInt64/2)), true
}
