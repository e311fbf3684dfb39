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
		if m == nil {
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
