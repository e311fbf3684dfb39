package placement

import (
	"maps"
	"math"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// ExplainRequest says what would become of a task that is not in the log, were it
// accepted now: what every engine is for it, with the scores of its prefer, and
// in Takes the engine that would get it. If one would, there is no reason and
// nothing to wake on. nowMs is as for Explain. It changes nothing. The task is as a
// request.Checker's Check gives it; its ID may be empty, and so may its kind, if that is
// not what is asked.
func (s *State) ExplainRequest(asked *events.Task, nowMs int64) Explanation {
	nowMs = max(nowMs, s.newest)
	x := s.explanation(events.Pool(asked.Pool), events.TaskID(asked.Id))
	p := s.scratch(events.Pool(asked.Pool))
	t := &task{id: asked.Id, seq: p.seq + 1, acceptedAt: nowMs, tmpl: p.templateOf(asked)}
	if after := s.unmet(p, asked.After); len(after) > 0 {
		t.extras().after = after
	}
	ex := explainer{x: &x, p: p, t: t, now: nowMs}
	ex.describe()
	ex.judgeAll(s.cfg.Predicates)
	if x.Reason = ex.reason(); x.Reason == NotRead {
		x.Reason, x.Takes = "", ex.takes()
		return x
	}
	x.WakesOn, x.IfOnly = ex.wakesOn(), ex.suggest()
	return x
}

// scratch is a pool of that name in which a template can be made that leaves the
// pool itself as it is.
func (s *State) scratch(name events.Pool) *pool {
	p := s.newPool(name)
	if known := s.pools[name]; known != nil {
		*p = *known
		p.dims = dims{index: maps.Clone(known.dims.index), names: slices.Clone(known.dims.names)}
		p.shapes, p.templates = make(map[string]*shape), make(map[templateKey]*template)
		p.scratchOrder()
	}
	return p
}

// takes is the engine with the highest score of those that fit, or of several the
// next after the one that was given work last.
func (ex *explainer) takes() string {
	best, high, least := "", math.Inf(-1), math.MaxInt
	for _, f := range ex.x.Engines {
		if f.Result != FindFits {
			continue
		}
		score := math.Inf(-1)
		if f.Score != nil {
			score = *f.Score
		}
		distance := f.index - ex.p.cursor - 1
		if distance < 0 {
			distance += len(ex.p.byIndex)
		}
		if best == "" || score > high || score == high && distance < least {
			best, high, least = f.Engine, score, distance
		}
	}
	return best
}
