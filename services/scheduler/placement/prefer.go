package placement

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"

	"github.com/spanway/spanway/pkg/predicate"
)

// unscored is the score where evaluation ends in an error: lower than all others.
var unscored = math.Inf(-1)

// tier is engines of equal score.
type tier struct {
	score            float64
	classes, engines bitset
}

func (m *matcher) preferOf(t *task) *predicate.Preference {
	text := t.tmpl.prefer
	if text == "" {
		return nil
	}
	if c := m.s.preferred; c != nil && c.Text() == text {
		return c
	}
	prefer, err := m.s.cfg.Predicates.Prefer(text)
	if err != nil { // Accepted under other limits: as if there were none.
		return nil
	}
	return prefer
}

// scoreClass gives the score of f for engines of the class, once evaluated.
func (m *matcher) scoreClass(c *cycle, f *filter, class *class) float64 {
	for len(f.scores) <= class.index {
		f.scores = append(f.scores, math.NaN())
	}
	if score := f.scores[class.index]; !math.IsNaN(score) {
		return score
	}
	f.scores[class.index] = m.score(c, f, class, nil)
	return f.scores[class.index]
}

func (m *matcher) score(c *cycle, f *filter, class *class, e *engine) float64 {
	score, err := f.prefer.Score(m.sees(c, f, class, e))
	if err != nil {
		return unscored
	}
	return score
}

// scoreOf is the score as an event has it: nil without a preference, or if its
// evaluation ended in an error.
func (f *filter) scoreOf(e *engine) *float64 {
	if f.prefer == nil {
		return nil
	}
	return told(f.scores[e.class.index])
}

func told(score float64) *float64 {
	if math.IsInf(score, -1) {
		return nil
	}
	return &score
}

// appendScores makes the key of a lane that of one with these scores.
func (f *filter) appendScores(key []byte) []byte {
	for i := f.classes.next(0); i >= 0; i = f.classes.next(i + 1) {
		key = binary.BigEndian.AppendUint64(key, math.Float64bits(f.scores[i]+0)) // No -0.
	}
	return append(key, 1)
}

// tiers sorts the classes that admit f by score.
func (f *filter) tiers() []tier {
	var tiers []tier
	for i := f.classes.next(0); i >= 0; i = f.classes.next(i + 1) {
		at := slices.IndexFunc(tiers, func(t tier) bool { return t.score == f.scores[i] })
		if at < 0 {
			at = len(tiers)
			tiers = append(tiers, tier{score: f.scores[i]})
		}
		tiers[at].classes.set(i)
	}
	slices.SortFunc(tiers, func(a, b tier) int { return cmp.Compare(b.score, a.score) })
	return tiers
}

// scored is what a scan knows of an engine, as long as that does not change.
type scored struct {
	version uint64
	score   float64
	ok      bool
}

// placeBest assigns what it can of g, each task to an engine with the highest score
// of those that could take it at that moment. What it knows of engines outlives
// the call, until another group is scanned this way: if the budget ends it, only
// engines that changed are evaluated again.
func (m *matcher) placeBest(c *cycle, g *group) bool {
	if m.scoredFor != g {
		m.scoredFor = g
		clear(m.scored)
	}
	since := g.scannedAt
	for g.ready() {
		if c.full() {
			return false
		}
		at := m.version
		m.gather(c, g, since)
		since = at
		e, score := m.best(c, g)
		if e == nil {
			g.scannedAt = since
			return true
		}
		if !m.placeLanes(c, g.first) || c.full() {
			return false // The rest when there is budget again.
		}
		if m.version == at { // Else the tasks that go before have changed what is best.
			if other := m.fairest(c, g, e); other != g {
				c.assign(m.p, other.first, e, nil)
				continue
			}
			c.assign(m.p, g.first, e, told(score))
		}
	}
	return true
}

// best is the engine with the highest score among those gathered, of several the
// next after the one that was given work last. What cannot take g is dropped.
func (m *matcher) best(c *cycle, g *group) (*engine, float64) {
	for len(m.scored) < len(m.p.byIndex) {
		m.scored = append(m.scored, scored{})
	}
	var best *engine
	high := 0.0
	look := func(i int) {
		e := m.p.byIndex[i]
		s := &m.scored[i]
		if stamp := g.filter.stamp(e); s.version != stamp {
			*s = scored{version: stamp, ok: m.worthwhile(g, e) && m.qualifies(c, g.filter, e)}
			if s.ok {
				s.score = m.scoreNow(c, g.filter, e)
			}
		}
		if !s.ok || !e.takes(g.first) {
			m.scratch.clear(i)
		} else if best == nil || s.score > high {
			best, high = e, s.score
		}
	}
	from := m.p.cursor + 1
	for i := m.scratch.next(from); i >= 0; i = m.scratch.next(i + 1) {
		look(i)
	}
	for i := m.scratch.next(0); i >= 0 && i < from; i = m.scratch.next(i + 1) {
		look(i)
	}
	return best, high
}

func (m *matcher) scoreNow(c *cycle, f *filter, e *engine) float64 {
	if f.prefer.Reads().Single() {
		return m.score(c, f, e.class, e)
	}
	return m.scoreClass(c, f, e.class)
}

// stamp is the version of the last change to what f reads of e.
func (f *filter) stamp(e *engine) uint64 {
	if e.node != nil && f.reads.Node() {
		return e.node.version
	}
	return e.version
}
