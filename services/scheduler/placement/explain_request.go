package placement

import (
	"maps"
	"math"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// ExplainRequest says what would become of a task that nobody has submitted, were
// it submitted now: what every engine is for it, what it would wait for and how
// many would go ahead of it. If an engine would take it at once, Reason is empty.
// It changes nothing; nowMs is as for Explain.
func (s *State) ExplainRequest(m *events.Task, nowMs int64) Explanation {
	nowMs = max(nowMs, s.newest)
	p := &pool{name: events.Pool(m.Pool), dims: dims{index: make(map[string]int32)}}
	if known := s.pools[p.name]; known != nil {
		p = known.aside()
	}
	p.shapes, p.templates = make(map[string]*shape), make(map[templateKey]*template)
	t := &task{id: m.Id, tmpl: p.templateOf(m), seq: math.MaxUint64, acceptedAt: nowMs}
	x := s.explanation(p.name, t.id)
	x.State, x.Attempt, x.Predicate = t.state(), t.attempt(), t.tmpl.predicate
	x.Needs = t.tmpl.shape.toMap(&p.dims)
	ex := explainer{x: &x, p: p, t: t, now: nowMs}
	ex.explain(s.cfg.Predicates)
	if x.Reason == NotRead { // Somebody has room, and there is nothing to wait for.
		x.Reason, x.WakesOn = "", nil
	}
	return x
}

// aside is a copy of the pool that may learn of new dimensions.
func (p *pool) aside() *pool {
	c := *p
	c.dims = dims{index: maps.Clone(p.dims.index), names: slices.Clone(p.dims.names)}
	return &c
}
