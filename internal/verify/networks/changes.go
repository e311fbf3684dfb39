package networks

import (
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/internal/verify/chain"
	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Rule is the guarantee that is judged.
const Rule = "G11"

// Counts are those of network.changes.
type Counts struct {
	Changes  int64 `json:"changes"`
	Refused  int64 `json:"refused"`
	Promoted int64 `json:"promoted"`
	Objects  int   `json:"objects"`
	Sites    int   `json:"sites"`
	// Entries of all sites.
	Entries int64 `json:"entries"`
}

// Changes judges network.changes. It is for one goroutine.
type Changes struct {
	*chain.Partition
	world  *world
	counts Counts
	// change is the number of the newest one, asked the requests that were decided last.
	change uint64
	asked  recent
	// objects and labels are looked at as a whole when as many steps were taken.
	unchecked int
	// importing are the parts of what is imported, and does not count yet.
	importing []*events.NetworkImportRequested
	*History
}

// NewChanges begins the judgement.
func NewChanges(topic string, opts chain.Options) *Changes {
	c := &Changes{world: newWorld(), History: &History{sites: map[string]*timeline{}, term: 1}}
	c.Partition = chain.NewPartition(topic, 0, opts, c)
	return c
}

// Report tells what was found in what was fed so far, as a whole: call it once, at the end.
func (c *Changes) Report() (chain.Report, Counts) {
	c.placed(chain.At{Offset: c.Last()})
	c.counts.Objects, c.counts.Sites = len(c.world.state.Objects()), len(c.History.Sites())
	return c.Partition.Report(), c.counts
}

// Within implements chain.Contents.
func (c *Changes) Within() { c.partial = true }

// Batch implements chain.Contents.
func (c *Changes) Batch(int64, int64) {}

// Forget implements chain.Contents.
func (c *Changes) Forget() string {
	c.world, c.change, c.asked, c.importing = newWorld(), 0, recent{}, nil
	c.sites, c.term, c.replaced = map[string]*timeline{}, 1, false
	return "all networks and sites are forgotten"
}

// Follow implements chain.Contents.
func (c *Changes) Follow(at chain.At, m proto.Message) {
	if c.partial {
		return
	}
	switch m := m.(type) {
	case *events.NetworkChanged:
		c.decided(at, m.RequestId)
		c.changed(at, m)
	case *events.NetworkRefused:
		c.counts.Refused++
		c.decided(at, m.RequestId)
	case *events.NetworkSiteAdded:
		c.decided(at, m.RequestId)
		c.added(m)
	case *events.NetworkSiteRetired:
		c.decided(at, m.RequestId)
		c.retired(at, m)
	case *events.NetworkSiteObserved:
		if t := c.sites[m.Site]; t != nil {
			t.last, t.observed = max(t.last, m.Sequence), m.Sequence
		}
	case *events.NetworkImported:
		c.decided(at, m.RequestId)
		c.part(m.GetPart())
	case *events.NetworkReplaced:
		c.replaced = true
	case *events.NetworkPromoted:
		c.promoted(at, m)
	}
	if c.unchecked++; c.unchecked > 1000+len(c.world.state.Objects()) {
		c.placed(at)
	}
}

func (c *Changes) promoted(at chain.At, m *events.NetworkPromoted) {
	c.counts.Promoted++
	if m.Term <= c.term {
		c.Find(Rule, at, "term %d begins, and term %d has begun before", m.Term, c.term)
	}
	for _, t := range c.sites {
		if t.there {
			t.ends[c.term] = t.own
		}
		t.own, t.observed = t.last, 0
	}
	c.term = max(c.term, m.Term)
	if m.ImportId != "" {
		c.imported(at, m)
	}
}

// decided notes a request, which is decided once.
func (c *Changes) decided(at chain.At, id string) {
	if id != "" && !c.asked.add(id) {
		c.Find(Rule, at, "the request %.80q is decided a second time", id)
	}
}

func (c *Changes) changed(at chain.At, m *events.NetworkChanged) {
	c.counts.Changes++
	if m.Change != c.change+1 {
		c.Find(Rule, at, "change %d comes after change %d", m.Change, c.change)
	}
	if m.Term != c.term {
		c.Find(Rule, at, "change %d is of term %d, and term %d has begun", m.Change, m.Term, c.term)
	}
	c.change = m.Change
	var of network.Change
	for _, o := range m.Objects {
		revised := network.FromRevised(&events.NetworkRevised{Object: o, Revision: m.Change})
		if revised == nil {
			c.Find(Rule, at, "change %d puts %.200q, which is no object", m.Change, o.GetPath())
			continue
		}
		of.Puts = append(of.Puts, revised)
	}
	for _, p := range m.Deletes {
		of.Deletes = append(of.Deletes, network.Path(p))
	}
	moved := c.world.state.Apply(of)
	if missing := c.world.missing(of); missing != "" {
		c.Find(Rule, at, "change %d leaves a reference to nothing: %s", m.Change, missing)
	}
	for _, name := range moved.Sites() {
		c.gets(name, step{change: m.Change, puts: moved[name].Puts, removes: moved[name].Removes})
	}
}

// gets gives a site its next entry.
func (c *Changes) gets(name string, s step) {
	t := c.sites[name]
	if t == nil || !t.there {
		return
	}
	t.last++
	t.own = t.last
	s.number, s.term, s.entry = t.last, c.term, true
	t.steps = append(t.steps, s)
	c.counts.Entries++
}

func (c *Changes) added(m *events.NetworkSiteAdded) {
	t := c.sites[m.Site]
	moved := c.world.state.SetSite(network.Site{Name: m.Site, Labels: m.Labels})
	if t != nil && t.there {
		if len(moved.Puts)+len(moved.Removes) > 0 {
			c.gets(m.Site, step{puts: moved.Puts, removes: moved.Removes})
		}
		return
	}
	if t == nil {
		t = &timeline{ends: map[uint64]uint64{}}
		c.sites[m.Site] = t
	}
	t.there, t.own = true, t.last // Its full sync leads there.
	t.steps = append(t.steps, step{number: t.last, term: c.term, anew: true, puts: c.world.state.Project(m.Site)})
}

func (c *Changes) retired(at chain.At, m *events.NetworkSiteRetired) {
	t := c.sites[m.Site]
	if t == nil || !t.there {
		c.Find(Rule, at, "site %.80q is retired, and is not there", m.Site)
		return
	}
	c.world.state.RemoveSite(m.Site)
	t.there, t.ends[c.term] = false, t.own
	t.last++ // It belongs to whatever was on its way.
}

// placed compares where objects are by the changes with where they must be by all that is.
func (c *Changes) placed(at chain.At) {
	c.unchecked = 0
	for p, sites := range c.world.places() {
		if got := c.world.state.At(p); !slices.Equal(got, sites) {
			c.Find(Rule, at, "by the changes up to here %s is at %v, and by its span and its users it must be at %v", p, got, sites)
		}
	}
}

// recent remembers texts, the last of them.
type recent struct {
	known map[string]bool
	order []string
}

// mostRecent is how many requests are known to be decided: docs/wire.md.
const mostRecent = 10_000

// add tells whether a text is new.
func (r *recent) add(text string) bool {
	if r.known[text] {
		return false
	}
	if r.known == nil {
		r.known = map[string]bool{}
	}
	r.known[text] = true
	if r.order = append(r.order, text); len(r.order) > mostRecent {
		delete(r.known, r.order[0])
		r.order = r.order[1:]
	}
	return true
}
