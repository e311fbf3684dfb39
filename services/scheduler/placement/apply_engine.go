package placement

import (
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

func (s *State) applyEngine(l events.Logged) {
	if m, ok := l.Message.(*events.EngineObserved); ok {
		s.applyObserved(m)
		return
	}
	s.partitions = nil
	switch m := l.Message.(type) {
	case *events.EngineRegistered:
		s.applyRegistered(m)
	case *events.EngineDraining:
		p, e := s.presentEngine(m.Pool, m.EngineId, m.Incarnation)
		if p != nil && m.ByOperator {
			p.noteDrain(m.EngineId, drain{keptReason(m.Reason), l.Offset})
		}
		if e != nil {
			e.leaving = e.leaving || !m.ByOperator
			p.setStatus(e, draining, keptReason(m.Reason), moment(m.AtMs))
		}
	case *events.EngineResumed:
		p, e := s.presentEngine(m.Pool, m.EngineId, m.Incarnation)
		if p != nil {
			delete(p.drains, m.EngineId)
		}
		if e != nil {
			p.setStatus(e, ready, "", moment(m.AtMs))
		}
	case *events.EngineLost:
		if p, e := s.presentEngine(m.Pool, m.EngineId, m.Incarnation); e != nil {
			p.remove(e, lost, keptReason(m.Reason), moment(m.AtMs))
		}
	case *events.EngineDeparted:
		if p, e := s.presentEngine(m.Pool, m.EngineId, m.Incarnation); e != nil {
			p.remove(e, departed, "", moment(m.AtMs))
		}
	}
}

func (s *State) presentEngine(poolName, id, incarnation string) (*pool, *engine) {
	p := s.pools[events.Pool(poolName)]
	if p == nil {
		return nil, nil
	}
	e := p.engines[id]
	if e == nil || !e.present() || e.incarnation != incarnation {
		return p, nil
	}
	return p, e
}

func (s *State) applyRegistered(m *events.EngineRegistered) {
	in := m.Engine
	if in == nil || len(in.Id)+len(in.Incarnation)+len(in.Pool) > maxNames || proto.Size(in) > maxBody {
		return
	}
	p := s.poolOf(events.Pool(in.Pool))
	old := p.engines[in.Id]
	if old != nil && old.present() {
		p.remove(old, lost, "a new incarnation registered", moment(m.AtMs))
	}
	e := &engine{
		id: in.Id, incarnation: in.Incarnation, registered: in, registeredAt: moment(m.AtMs), changedAtMs: moment(m.AtMs),
		class: p.classOf(in), allocatable: p.amounts(in.Allocatable), lastBeat: s.tenure.heard,
	}
	e.free = append([]int64(nil), e.allocatable...)
	e.measure(nil)
	e.index = p.freeIndex()
	p.byIndex[e.index] = e
	p.settleOn(e, in.Node)
	p.engines[e.id] = e
	p.present++
	p.know(old, e)
	p.noteLargest(e.allocatable)
	if p.match != nil {
		p.match.joined(e)
	}
}

// drain is an operator's order. It outlives the engine's incarnations, until the
// engine is resumed.
type drain struct {
	reason string
	// offset of the event.
	offset int64
}

// maxDrains bounds the drains of engines that are not there.
const maxDrains = 10_000

// noteDrain remembers an order; if there are too many, the oldest is forgotten
// whose engine is gone.
func (p *pool) noteDrain(id string, d drain) {
	p.drains[id] = d
	if len(p.drains) <= max(maxDrains, p.present) {
		return
	}
	oldest := ""
	for other, o := range p.drains { // Offsets differ, so the order does not matter.
		e := p.engines[other]
		if (e == nil || !e.present()) && (oldest == "" || o.offset < p.drains[oldest].offset) {
			oldest = other
		}
	}
	delete(p.drains, oldest)
}

func (p *pool) freeIndex() int {
	for i, e := range p.byIndex {
		if e == nil {
			return i
		}
	}
	p.byIndex = append(p.byIndex, nil)
	return len(p.byIndex) - 1
}

// maxGone bounds the engines that are known although they are gone.
const maxGone = 1_000

// know lists e in the place of its older self, and forgets the longest gone.
func (p *pool) know(old, e *engine) {
	if old != nil {
		for i := range p.known {
			if p.known[i] == old {
				p.known[i] = e
				return
			}
		}
	}
	p.known = append(p.known, e)
	if len(p.known)-p.present <= maxGone {
		return
	}
	for i, k := range p.known {
		if !k.present() {
			delete(p.engines, k.id)
			p.known = append(p.known[:i:i], p.known[i+1:]...)
			return
		}
	}
}

func (p *pool) setStatus(e *engine, st engineStatus, reason string, at int64) {
	if st != ready {
		p.unhold(e)
	}
	e.status, e.reason, e.changedAtMs = st, reason, at
	if p.match != nil {
		p.match.turned(e)
	}
}

// remove takes an engine out. Its attempts are over: one that was lost costs
// an attempt, one that was left behind by a departure does not.
func (p *pool) remove(e *engine, st engineStatus, reason string, at int64) {
	p.unhold(e)
	e.status, e.reason, e.changedAtMs = st, reason, at
	mates := p.unsettle(e)
	if p.match != nil {
		p.match.left(e, mates)
	}
	p.byIndex[e.index] = nil
	p.present--
	for t := e.first; t != nil; t = e.first {
		owed := t.fate
		p.vacate(t, at)
		if st == lost {
			t.failures++
			t.lastErr = &events.TaskError{Code: codeEngineLost, Message: "engine " + e.id + ": " + reason}
		}
		switch {
		case owed == owesCancel:
		case t.failures >= t.tmpl.retry.maxAttempts:
			p.owe(t, owesDeath)
		default:
			p.place(t, at)
		}
	}
	p.forgetClasses()
}

// maxLargest bounds what IMPOSSIBLE is judged by.
const maxLargest = 1_024

// noteLargest remembers v unless a vector already known covers it.
func (p *pool) noteLargest(v []int64) {
	for _, l := range p.largest {
		if covers(l, v) {
			return
		}
	}
	keep := p.largest[:0]
	for _, l := range p.largest {
		if !covers(v, l) {
			keep = append(keep, l)
		}
	}
	if p.largest = append(keep, v); len(p.largest) > maxLargest {
		p.largest = p.largest[1:]
	}
}

func covers(big, small []int64) bool {
	for i, x := range small {
		if x > 0 && (i >= len(big) || big[i] < x) {
			return false
		}
	}
	return true
}

// forgetClasses begins anew with the classes when most have no engine any
// more; the index is then built again from the state.
func (p *pool) forgetClasses() {
	if len(p.classList) < 1024 || len(p.classList) < 4*p.present {
		return
	}
	p.classes, p.classList = make(map[string]*class), nil
	for _, e := range p.byIndex {
		if e != nil {
			e.class = p.classOf(e.registered)
		}
	}
	if p.match != nil {
		p.match.stale = true
	}
}
