package network

import (
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Bounds of what is remembered.
const (
	// MaxPending entries of a site wait; beyond that it gets a full sync.
	MaxPending = 10_000
	// MaxChanges are remembered, to be withdrawn and looked at.
	MaxChanges = 10_000
	// MaxRequests are the IDs of requests that are known to be decided.
	MaxRequests = 10_000
	// MaxSites there may be.
	MaxSites = 1000
	// DefaultDeadlineMs is how long sites have if the request does not say.
	DefaultDeadlineMs = 10 * 60 * 1000
)

// Core is the state of network.changes. It is for one goroutine.
type Core struct {
	state *network.State
	// term is 0 before the first event.
	term, change uint64
	// sites are those that are there, gone those that were: what is numbered for a site is
	// never numbered again in a term.
	sites, gone map[string]*site
	changes     map[uint64]*change
	oldest      uint64 // of the changes that are remembered
	requests    []string
	known       map[string]bool
	// importing is what another global manager has decided and does not count here yet; of is
	// where the state was imported from; replaced: sites follow one that was promoted elsewhere.
	importing imports
	of        string
	replaced  bool
	// maxPending is MaxPending but in tests.
	maxPending int
}

// New returns the state of an empty log.
func New() *Core {
	return &Core{
		state: network.NewState(), term: 1, sites: map[string]*site{}, gone: map[string]*site{}, changes: map[uint64]*change{}, oldest: 1,
		known: map[string]bool{}, maxPending: MaxPending,
	}
}

// Command is what was made of a record of network.requests.
type Command struct {
	// ID of the request.
	ID string
	// Message is nil if the record cannot be read; Err says why then.
	Message proto.Message
	Err     *events.Malformed
	// Trace is the one that it was asked for in.
	Trace events.Trace
}

// change is one that is remembered.
type change struct {
	number, term uint64
	before       []*network.Object // what it replaced or deleted
	created      []network.Path
	deletes      []network.Path
	// sites that got it, and the numbers of their entries in term.
	sites map[string]uint64
}

// FoldVersion implements eventlog.Fold.
func (c *Core) FoldVersion() uint32 { return 1 }

// Floor implements eventlog.Fold: nothing in the log is referred to.
func (c *Core) Floor() int64 { return math.MaxInt64 }

// Publish implements eventlog.Core: what sites get is taken by Entry and Sync.
func (c *Core) Publish(events.Logged, func(events.Outgoing)) {}

// Apply implements eventlog.Fold.
func (c *Core) Apply(l events.Logged) {
	switch m := l.Message.(type) {
	case *events.NetworkChanged:
		c.remember(m.RequestId)
		c.changed(m)
	case *events.NetworkRefused:
		c.remember(m.RequestId)
	case *events.NetworkSiteAdded:
		c.remember(m.RequestId)
		c.added(m)
	case *events.NetworkSiteRetired:
		c.remember(m.RequestId)
		c.retired(m.Site)
	case *events.NetworkSyncOrdered:
		c.remember(m.RequestId)
		if s := c.sites[m.Site]; s != nil {
			s.sync, s.syncing, s.reason, s.since, s.overflowed = m.Sync, true, m.Reason, m.AtMs, false
		}
	case *events.NetworkSyncEnded:
		c.remember(m.RequestId)
		if s := c.sites[m.Site]; s != nil && m.Sync >= s.sync {
			s.syncing, s.reason = false, ""
		}
	case *events.NetworkSiteObserved:
		if s := c.sites[m.Site]; s != nil {
			s.observe(m.Sequence)
		}
	case *events.NetworkOverdue:
		if s := c.sites[m.Site]; s != nil {
			if p := s.waiting(m.Sequence); p != nil {
				p.overdue = true
			}
		}
	case *events.NetworkPromoted:
		c.remember(m.RequestId)
		c.take(m)
		c.promoted(m.Term)
	case *events.NetworkImported:
		c.remember(m.RequestId)
		c.collect(m.Part)
	case *events.NetworkReplaced:
		c.replacedBy()
	}
}

// remember notes the ID of a request that is decided.
func (c *Core) remember(id string) {
	if id == "" || c.known[id] {
		return
	}
	c.known[id] = true
	c.requests = append(c.requests, id)
	if len(c.requests) > MaxRequests {
		delete(c.known, c.requests[0])
		c.requests = c.requests[1:]
	}
}

// changed folds a change, and gives each site what it gets of it.
func (c *Core) changed(m *events.NetworkChanged) {
	var of network.Change
	rec := &change{number: m.Change, term: c.term, sites: map[string]uint64{}}
	note := func(p network.Path) {
		if o, ok := c.state.Object(p); ok {
			rec.before = append(rec.before, o)
		} else {
			rec.created = append(rec.created, p)
		}
	}
	for _, message := range m.Objects {
		if o := network.FromRevised(&events.NetworkRevised{Object: message, Revision: m.Change}); o != nil {
			note(o.Path)
			of.Puts = append(of.Puts, o)
		}
	}
	for _, p := range m.Deletes {
		note(network.Path(p))
		rec.deletes = append(rec.deletes, network.Path(p))
		of.Deletes = append(of.Deletes, network.Path(p))
	}
	c.change = m.Change
	out := c.state.Apply(of)
	for name, again := range c.withdraw(m.Withdraws) {
		c.bring(out, name, again)
	}
	for _, name := range out.Sites() {
		if s := c.sites[name]; s != nil {
			s.push(&pending{
				change: m.Change, at: m.AtMs, deadline: m.DeadlineAtMs, puts: out[name].Puts, removes: out[name].Removes,
				trace: events.Trace{Parent: m.Traceparent, State: m.Tracestate},
			}, c.maxPending)
			rec.sites[name] = s.last
		}
	}
	c.changes[m.Change] = rec
	for len(c.changes) > MaxChanges && c.oldest < c.change {
		delete(c.changes, c.oldest)
		c.oldest++
	}
}

// added folds a site that is new, or has other labels.
func (c *Core) added(m *events.NetworkSiteAdded) {
	s := c.sites[m.Site]
	d := c.state.SetSite(network.Site{Name: m.Site, Labels: m.Labels})
	switch {
	case s == nil: // A full sync brings it what it must have.
		s = &site{}
		if before := c.gone[m.Site]; before != nil {
			s = before
			delete(c.gone, m.Site)
		}
		c.sites[m.Site] = s
	case len(d.Puts)+len(d.Removes) > 0:
		s.push(&pending{at: m.AtMs, deadline: m.AtMs + DefaultDeadlineMs, puts: d.Puts, removes: d.Removes}, c.maxPending)
	}
}

func (c *Core) retired(name string) {
	s := c.sites[name]
	if s == nil {
		return
	}
	c.state.RemoveSite(name)
	delete(c.sites, name)
	// The number in between belongs to whatever was on its way.
	c.gone[name] = &site{last: s.last + 1, applied: s.applied, sync: s.sync}
}

// promoted begins a term: all sites get full syncs, and their numbers go on.
func (c *Core) promoted(term uint64) {
	c.term = term
	for _, of := range []map[string]*site{c.sites, c.gone} {
		for _, s := range of {
			s.drop(s.entries, c.maxPending)
			*s = site{last: s.last, dropped: s.dropped}
		}
	}
}

// NewBounded is New with another bound of what waits for a site than MaxPending: for tests
// and simulations. All folds of one log must have the same.
func NewBounded(pending int) *Core {
	c := New()
	c.maxPending = pending
	return c
}
