package network

import (
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/network"
)

// Standing is how a site stands, as far as its delivery must know. Unlike SiteStatus and SyncOf
// it costs nothing to ask for.
type Standing struct {
	Term uint64
	// Last is the number of the newest entry, Applied that of the newest which the site is known
	// to have applied. Entries from First to Last are there; First is Last + 1 if none is. Those
	// before are applied, or dropped: then a full sync is due.
	Last, Applied, First uint64
	// Sync is the newest full sync that was ordered in the term; 0: none. Syncing: it is to be
	// sent now.
	Sync    uint64
	Syncing bool
}

// Gone lists the sites that were retired, by name.
func (c *Core) Gone() []string { return slices.Sorted(maps.Keys(c.gone)) }

// StandingOf says how a site stands; ok is false if there is no such site.
func (c *Core) StandingOf(name string) (s Standing, ok bool) {
	of := c.sites[name]
	if of == nil {
		return Standing{}, false
	}
	return Standing{Term: c.term, Last: of.last, Applied: of.applied, First: of.first(), Sync: of.sync, Syncing: of.syncing}, true
}

// Unapplied is the newest entry about an object that a site is not known to have applied, and
// whether it is overdue; 0: there is none, or it was dropped.
func (c *Core) Unapplied(name string, p network.Path) (sequence uint64, overdue bool) {
	s := c.sites[name]
	if s == nil {
		return 0, false
	}
	for i, e := range slices.Backward(s.entries) {
		if slices.Contains(e.removes, p) || slices.ContainsFunc(e.puts, func(o *network.Object) bool { return o.Path == p }) {
			return s.first() + uint64(i), e.overdue
		}
	}
	return 0, false
}
