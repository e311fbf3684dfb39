package networks

import (
	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// part notes a part of what is imported. The first one begins anew.
func (c *Changes) part(m *events.NetworkImportRequested) {
	if m.GetNumber() == 0 {
		c.importing = nil
	}
	c.importing = append(c.importing, m)
}

// imported makes what was imported what is. Of what sites had before nothing is known: each begins
// with a full sync.
func (c *Changes) imported(at chain.At, m *events.NetworkPromoted) {
	var of network.Change
	c.world = newWorld()
	for _, t := range c.sites {
		t.there = false
	}
	for i, part := range c.importing {
		if part.GetImportId() != m.ImportId || int(part.GetNumber()) != i {
			c.Find(Rule, at, "term %d begins with the import %.80q, of which part %d is missing", m.Term, m.ImportId, i)
		}
		for _, s := range part.GetSites() {
			t := c.sites[s.GetSite()]
			if t == nil {
				t = &timeline{ends: map[uint64]uint64{}}
				c.sites[s.GetSite()] = t
			}
			t.last = max(t.last, s.GetLast())
			t.own, t.there = t.last, !s.GetRetired()
			if t.there {
				c.world.state.SetSite(network.Site{Name: s.GetSite(), Labels: s.GetLabels()})
			}
		}
		for _, r := range part.GetObjects() {
			if o := network.FromRevised(r); o != nil {
				of.Puts = append(of.Puts, o)
			}
		}
		for _, id := range part.GetRequests() {
			c.asked.add(id)
		}
	}
	c.importing = nil
	c.world.state.Apply(of)
	if missing := c.world.missing(of); missing != "" {
		c.Find(Rule, at, "the import %.80q leaves a reference to nothing: %s", m.ImportId, missing)
	}
	for _, name := range c.History.Sites() {
		t := c.sites[name]
		t.steps = append(t.steps, step{number: t.last, term: c.term, anew: true, puts: c.world.state.Project(name)})
	}
	c.change, c.replaced = m.Change, false
}
