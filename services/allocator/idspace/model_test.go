package idspace

import (
	"math"

	"pgregory.net/rapid"

	"github.com/spanway/spanway/pkg/events"
)

// model is what the state of the space "s" must be, identifier by identifier, by the rules
// as a person would say them.
type model struct {
	exists   bool
	from, to int64
	rules    *events.IdsSpaceDeclared
	now      int64
	ids      map[int64]*identifier
	grants   map[string]*asked
}

// identifier is one of them.
type identifier struct {
	holder string // of what is live
	// rests until then; forever while its rest waits for the time to move.
	rests, until int64
	granted      int64
}

const waits = math.MaxInt64

// asked is a grant as the model knows it.
type asked struct {
	m          *events.IdsRangeGranted
	ms, until  int64
	generation int64
}

func newModel() *model {
	return &model{rules: &events.IdsSpaceDeclared{}, ids: map[int64]*identifier{}, grants: map[string]*asked{}}
}

func (m *model) id(n int64) *identifier {
	if m.ids[n] == nil {
		m.ids[n] = &identifier{}
	}
	return m.ids[n]
}

func (m *model) holds(id string) (n int64) {
	for i := range m.ids {
		if m.ids[i].holder == id {
			n++
		}
	}
	return n
}

// grant tells whether a grant is to be accepted, and does it.
func (m *model) grant(g *events.IdsRangeGranted) bool {
	ok := m.fits(g)
	if ok {
		m.put(g)
	}
	return ok
}

// grantAll is grant for those that stand together: all of them, or none.
func (m *model) grantAll(all *events.IdsRangesGranted) bool {
	seen, last := map[string]bool{}, int64(-1)
	for _, g := range all.Grants {
		if g.From <= last || seen[g.RequestId] || !m.fits(g) {
			return false
		}
		last, seen[g.RequestId] = g.To, true
	}
	for _, g := range all.Grants {
		m.put(g)
	}
	return len(all.Grants) > 0
}

func (m *model) fits(g *events.IdsRangeGranted) bool {
	if !m.exists || m.grants[g.RequestId] != nil || g.From < m.from || g.To > m.to || g.From > g.To || g.To-g.From >= m.rules.MaxCount {
		return false
	}
	for i := g.From; i <= g.To; i++ {
		if m.id(i).holder != "" || m.id(i).until > 0 {
			return false
		}
	}
	return true
}

func (m *model) put(g *events.IdsRangeGranted) {
	most := int64(0)
	for i := g.From; i <= g.To; i++ {
		most = max(most, m.id(i).granted)
	}
	for i := g.From; i <= g.To; i++ {
		m.id(i).holder = g.RequestId
		m.id(i).granted++
	}
	a := &asked{m: g, ms: g.LeaseMs, generation: most}
	if g.LeaseMs > 0 {
		a.until = waits
	}
	m.grants[g.RequestId] = a
}

func (m *model) renew(r *events.IdsGrantRenewed) bool {
	a := m.grants[r.RequestId]
	if !m.exists || a == nil || a.m.Owner != r.Owner || m.holds(r.RequestId) == 0 {
		return false
	}
	if a.ms, a.until = r.LeaseMs, 0; r.LeaseMs > 0 {
		a.until = waits
	}
	return true
}

func (m *model) release(r *events.IdsRangeReleased) bool {
	a := m.grants[r.RequestId]
	if !m.exists || a == nil || a.m.Owner != r.Owner && !r.Force || m.holds(r.RequestId) == 0 {
		return false
	}
	from, to := r.From, r.To
	if r.Whole {
		from, to = a.m.From, a.m.To
	}
	if from > to {
		return false
	}
	for i := from; i <= to && !r.Whole; i++ {
		if m.id(i).holder != r.RequestId {
			return false
		}
	}
	m.free(r.RequestId, from, to)
	return true
}

// free has what a grant holds of a range rest.
func (m *model) free(id string, from, to int64) {
	for i := from; i <= to; i++ {
		if p := m.id(i); p.holder == id {
			if p.holder = ""; m.rules.QuarantineMs > 0 {
				p.until, p.rests = waits, m.rules.QuarantineMs
			}
		}
	}
}

// pass begins what waits, and ends what is due.
func (m *model) pass(ms int64) {
	m.now += ms
	for _, p := range m.ids {
		switch {
		case p.until == waits:
			p.until = m.now + p.rests
		case p.until > 0 && p.until <= m.now:
			p.until = 0
		}
	}
	for id, a := range m.grants {
		switch {
		case m.holds(id) == 0:
		case a.until == waits:
			a.until = m.now + a.ms
		case a.until > 0 && a.until <= m.now:
			for i := a.m.From; i <= a.m.To; i++ {
				if p := m.id(i); p.holder == id {
					if p.holder = ""; m.rules.QuarantineMs > 0 {
						p.until = m.now + m.rules.QuarantineMs
					}
				}
			}
		}
	}
}

// agrees compares the whole space with the model: states, holders, counts, and that no
// identifier was granted more often than its range says.
func (m *model) agrees(t *rapid.T, c *Core) {
	s := c.Space("s")
	if (s != nil) != m.exists {
		t.Fatalf("the space exists: %v; want %v", s != nil, m.exists)
	}
	if s == nil {
		return
	}
	room := &events.IdsRoom{Size: m.to - m.from + 1}
	run := int64(0)
	for i := m.from; i <= m.to; i++ {
		p, want := m.id(i), Free
		switch {
		case p.holder != "":
			want = Live
			room.Live++
		case p.until > 0:
			want = Resting
			room.Quarantined++
		default:
			room.Free++
		}
		if run++; want != Free {
			run = 0
		}
		room.LargestFree = max(room.LargestFree, run)
		r, ok := s.At(i)
		if !ok || r.State != want || r.From > i || r.To < i || want == Live && r.Grant.RequestID != p.holder || r.Granted < p.granted {
			t.Fatalf("%d is %+v; want %v of %q, granted %d times", i, r, want, p.holder, p.granted)
		}
	}
	if got := s.Room(); got.Size != room.Size || got.Free != room.Free || got.Live != room.Live ||
		got.Quarantined != room.Quarantined || got.LargestFree != room.LargestFree || got.Free+got.Live+got.Quarantined != got.Size {
		t.Fatalf("there is %v; want %v", got, room)
	}
	last := m.from - 1
	for r := range s.Ranges(m.from) {
		if r.From != last+1 || r.To < r.From {
			t.Fatalf("a range [%d, %d] follows what ends at %d", r.From, r.To, last)
		}
		last = r.To
	}
	if last+1 != s.Next() {
		t.Fatalf("the ranges end at %d; what was never used begins at %d", last, s.Next())
	}
}
