package placement

import "math"

// Due is when Advance has something to do although nothing arrives, in
// milliseconds since the Unix epoch; math.MaxInt64 if never. It leaves out what
// depends on engines' silence, and what is forgotten with time.
type Due struct {
	// Pause is when the first pause or schedule timeout ends.
	Pause int64
	// Reserve is when a lane will have been blocked for so long that an engine may be
	// reserved for it.
	Reserve int64
}

// Due is when to call Advance next if nothing arrives until then. It may only be
// asked after Advance.
func (s *State) Due() Due {
	d := Due{math.MaxInt64, math.MaxInt64}
	for _, p := range s.order {
		m := p.match
		if m == nil || p.replaced {
			continue
		}
		if len(m.wake) > 0 {
			d.Pause = min(d.Pause, m.wake[0].due)
		}
		// Where enough is reserved, it goes on as soon as one of those ends.
		if after := p.reserveAfter(); after >= 0 && s.version >= foldWhole && len(m.stuck.items) > 0 && len(p.reserved) < m.mostReserved() {
			d.Reserve = min(d.Reserve, m.stuck.items[0].since+after)
		}
	}
	return d
}

// Wakes implements eventlog.Timed.
func (s *State) Wakes() (now, readTo int64) {
	now, readTo = math.MaxInt64, math.MaxInt64
	if d := s.Due(); min(d.Pause, d.Reserve) < math.MaxInt64 {
		now = min(d.Pause, d.Reserve) - s.tenure.ahead()
	}
	for _, p := range s.order {
		if m := p.match; m != nil && !p.replaced && len(m.backstops) > 0 {
			readTo = min(readTo, m.backstops[0].due)
		}
		for _, e := range p.byIndex {
			if e != nil {
				readTo = min(readTo, max(e.lastBeat+s.cfg.TTL.Milliseconds(), s.nextLease-1))
			}
		}
	}
	return now, readTo
}
