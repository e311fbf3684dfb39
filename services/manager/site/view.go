package site

import (
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Report is what the channel of the site tells the global manager.
func (c *Core) Report() *events.NetworkSiteReport {
	return &events.NetworkSiteReport{Site: c.cfg.Site, Term: c.term, Sequence: c.sequence, Sync: c.sync, NeedsSync: c.needs}
}

// Wanted lists what the global manager wants at the site, definitions first.
func (c *Core) Wanted() []*network.Object {
	var out []*network.Object
	for _, o := range c.objects {
		if o.wanted != nil {
			out = append(out, o.wanted)
		}
	}
	return network.Order(out)
}

// Local lists the site's own objects by path.
func (c *Core) Local() []*events.NetworkObject {
	var out []*events.NetworkObject
	for _, p := range slices.Sorted(maps.Keys(c.local)) {
		out = append(out, c.local[p])
	}
	return out
}

// Syncing is the full sync that is being collected, and how many segments of it are; nil if
// none is.
func (c *Core) Syncing() (begin *events.NetworkSyncBegin, segments uint32) {
	if c.begun == nil {
		return nil, 0
	}
	return c.begun.begin, c.begun.segments
}

// Standing is how far an object is.
type Standing uint8

// How far an object is, from worst to best.
const (
	Failed Standing = iota + 1
	InConflict
	Waiting
	InFlight
	Realised
)

// String is the word for it.
func (s Standing) String() string {
	return [...]string{"?", "failed", "conflict", "waiting", "in flight", "realised"}[min(int(s), 5)]
}

// Status is how an object stands at the site.
type Status struct {
	Path     network.Path
	Standing Standing
	// Wanted is nil if the global manager wants none; Local if the site has none of its own.
	Wanted *network.Object
	Local  *events.NetworkObject
	// Realised is what was realised last; nil: nothing.
	Realised *events.NetworkObject
	// Term and Sequence of the entry that said what is wanted.
	Term, Sequence uint64
	// Task in flight.
	Task string
	// WaitsFor is the path of what is realised or removed before it; empty: nothing.
	WaitsFor network.Path
	// Reason of the last failure, and when it is tried again.
	Reason    string
	AgainAtMs int64
}

// Statuses says how each object stands, by path.
func (c *Core) Statuses() (out []Status) {
	for _, p := range slices.Sorted(maps.Keys(c.objects)) {
		out = append(out, c.status(p))
	}
	return out
}

// StatusOf says how an object stands; ok is false if the site knows of none.
func (c *Core) StatusOf(p network.Path) (s Status, ok bool) {
	if c.objects[p] == nil {
		return Status{}, false
	}
	return c.status(p), true
}

func (c *Core) status(p network.Path) Status {
	o := c.objects[p]
	s := Status{
		Path: p, Wanted: o.wanted, Local: c.local[p], Realised: o.realised, Term: o.term, Sequence: o.sequence,
		Task: o.task, Reason: o.failed, AgainAtMs: o.againAt,
	}
	switch {
	case o.failed != "":
		s.Standing = Failed
	case o.task != "":
		s.Standing = InFlight
	case o.drifted || !network.Equal(o.realised, c.effective(p)):
		s.Standing, s.WaitsFor = Waiting, c.blocked(p)
	case o.wanted != nil && s.Local != nil && network.PolicyOf(p.Type()) == network.Refuse:
		s.Standing, s.Reason = InConflict, network.Conflict
	default:
		s.Standing = Realised
	}
	return s
}
