package placement

import "github.com/spanway/spanway/pkg/events"

// What an engine's monitor measures as used is folded in steps, so that it is an
// event only now and then: rounded up to a sixteenth of what is allocatable, when
// it has moved by as much. So noise below a step is never an event, wherever it
// lies. A rise is one at once; what falls waits until the last one is some
// seconds old, so that noise of any size is a few events in that time.
const (
	stepsOfUsage  = 16
	usageFallsMs  = 5_000
	maxUnmeasured = 10
)

func usageStep(allocatable int64) int64 { return max(allocatable/stepsOfUsage, 1) }

// rounded is v, at most what is allocatable, up to the next step.
func rounded(v, allocatable int64) int64 {
	step := usageStep(allocatable)
	v = min(max(v, 0), allocatable)
	if rest := v % step; rest != 0 {
		v += min(step-rest, allocatable-v)
	}
	return v
}

// observe emits what a heartbeat says of the engine's usage, if that has moved.
func (c *cycle) observe(p *pool, e *engine, measured map[string]int64) {
	if c.s.version < foldWhole || len(measured) == 0 && e.used == nil {
		return
	}
	rose, fell := p.moved(e, measured)
	if !rose && (!fell || c.now.Now-e.observedAt < usageFallsMs) {
		return
	}
	c.emit(&events.EngineObserved{
		EngineId: e.id, Incarnation: e.incarnation, Pool: string(p.name), Used: p.usage(e, measured), AtMs: c.now.Now,
	})
}

// moved tells whether what is measured has risen, or fallen, by a step from what
// is folded. A dimension that was observed and is left out for some heartbeats has
// not moved; then it is no longer observed.
func (p *pool) moved(e *engine, measured map[string]int64) (rose, fell bool) {
	missing := false
	for dim, allocatable := range e.allocatable {
		v, ok := measured[p.dims.names[dim]]
		old := e.usedOf(dim)
		switch {
		case allocatable < 0:
		case !ok:
			missing = missing || old >= 0
		default:
			v = min(max(v, 0), allocatable)
			rose = rose || old < 0 || v-old >= usageStep(allocatable)
			fell = fell || old-v >= usageStep(allocatable)
		}
	}
	if !missing {
		e.unmeasured = 0
		return rose, fell
	}
	e.unmeasured++
	return rose, fell || e.unmeasured >= maxUnmeasured
}

// usedOf is what is observed of a dimension; below 0: nothing is.
func (e *engine) usedOf(dim int) int64 {
	if dim >= len(e.used) {
		return -1
	}
	return e.used[dim]
}

// usage is what is to be folded.
func (p *pool) usage(e *engine, measured map[string]int64) map[string]int64 {
	used := make(map[string]int64, len(measured))
	for dim, allocatable := range e.allocatable {
		name := p.dims.names[dim]
		if v, ok := measured[name]; ok && allocatable >= 0 {
			used[name] = rounded(v, allocatable)
		} else if old := e.usedOf(dim); !ok && old >= 0 && e.unmeasured < maxUnmeasured {
			used[name] = old
		}
	}
	return used
}

// applyObserved folds what is measured as used: all of it, so what is not named is
// not observed any more.
func (s *State) applyObserved(m *events.EngineObserved) {
	p, e := s.presentEngine(m.Pool, m.EngineId, m.Incarnation)
	if e == nil || s.version < foldWhole {
		return
	}
	var used []int64
	for dim, allocatable := range e.allocatable {
		if v, ok := m.Used[p.dims.names[dim]]; ok && allocatable >= 0 {
			for len(used) < len(e.allocatable) {
				used = append(used, -1)
			}
			used[dim] = v
		}
	}
	before := e.room
	e.measure(used)
	e.observedAt = moment(m.AtMs)
	if p.match != nil {
		p.match.measured(e, before)
	}
}
