package network

import (
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Why an entry is passed over.
const (
	Withdrawn  = "WITHDRAWN"
	Superseded = "SUPERSEDED"
)

// site is what is known of a site in the current term.
type site struct {
	// entries are those that it has not applied: the last of them has the number last.
	// Invariant: len(entries) ≤ last - applied.
	entries       []*pending
	last, applied uint64
	// dropped are those in front of them that a full sync is to bring: see drop.
	dropped []*pending
	// sync is the number of the newest full sync that was ordered.
	sync    uint64
	syncing bool
	reason  string
	since   int64
	// overflowed: entries were dropped, and no full sync is ordered yet.
	overflowed bool
	// due, if looked is set, is no later than the deadline of any entry that may become overdue:
	// until then not all of them are looked at.
	due    int64
	looked bool
}

// pending is an entry that is not applied.
type pending struct {
	change       uint64
	at, deadline int64
	puts         []*network.Object
	removes      []network.Path
	skipped      string
	overdue      bool
	trace        events.Trace
}

// first is the number of the first entry that is there.
func (s *site) first() uint64 { return s.last - uint64(len(s.entries)) + 1 }

// pending finds an entry; nil if it is not there.
func (s *site) pending(sequence uint64) *pending {
	if sequence < s.first() || sequence > s.last {
		return nil
	}
	return s.entries[sequence-s.first()]
}

// push adds an entry, which may supersede the one before it.
func (s *site) push(p *pending, most int) {
	if n := len(s.entries); n > 0 && s.entries[n-1].within(p) && s.entries[n-1].skipped == "" {
		s.entries[n-1].skip(Superseded)
	}
	s.last++
	s.due = min(s.due, p.deadline)
	if s.overflowed {
		s.drop([]*pending{p}, most)
		return
	}
	if s.entries = append(s.entries, p); len(s.entries) > most {
		s.drop(s.entries, most)
		s.entries, s.overflowed = nil, true
	}
}

// skip lets an entry be passed over.
func (p *pending) skip(why string) { p.skipped, p.puts, p.removes = why, nil, nil }

// paths are those of all that an entry brings and removes.
func (p *pending) paths() map[network.Path]bool {
	all := make(map[network.Path]bool, len(p.puts)+len(p.removes))
	for _, o := range p.puts {
		all[o.Path] = true
	}
	for _, path := range p.removes {
		all[path] = true
	}
	return all
}

// within tells whether the next entry says something of all that this one does.
func (p *pending) within(next *pending) bool {
	if len(p.puts)+len(p.removes) > len(next.puts)+len(next.removes) {
		return false
	}
	of := next.paths()
	for path := range p.paths() {
		if !of[path] {
			return false
		}
	}
	return true
}

// observe notes how far the site has come: forward only. Beyond the last entry are numbers
// that a log which was lost has used: they are not used again.
func (s *site) observe(sequence uint64) {
	if sequence <= s.applied {
		return
	}
	s.last = max(s.last, sequence)
	s.applied = sequence
	s.forget()
}

// withdraw lets the entries of a change be passed over where nothing behind them needs what
// they bring, and tells of what else they would have brought, by site.
func (c *Core) withdraw(number uint64) map[string]map[network.Path]bool {
	again := map[string]map[network.Path]bool{}
	rec := c.changes[number]
	if number == 0 || rec == nil || rec.term != c.term {
		return again
	}
	for name, sequence := range rec.sites {
		s := c.sites[name]
		if s == nil {
			continue
		}
		if p := s.pending(sequence); p != nil && p.change == number && p.skipped == "" && s.apart(sequence) {
			again[name] = p.paths()
			p.skip(Withdrawn)
		}
	}
	return again
}

// apart tells whether no entry behind this one has anything to do with what it brings. What
// is removed may be removed because of it, so neither it nor what is behind it removes anything.
func (s *site) apart(sequence uint64) bool {
	p := s.pending(sequence)
	if len(p.removes) > 0 {
		return false
	}
	paths := p.paths()
	for n := sequence + 1; n <= s.last; n++ {
		later := s.pending(n)
		if len(later.removes) > 0 {
			return false
		}
		for _, o := range later.puts {
			if paths[o.Path] || slices.ContainsFunc(o.References, func(r network.Path) bool { return paths[r] }) {
				return false
			}
		}
	}
	return true
}

// bring adds to what a site gets all that an entry which is passed over would have brought
// of what the site must have, and the removal of the rest: whether or not it was applied.
func (c *Core) bring(out network.Deliveries, name string, paths map[network.Path]bool) {
	d := out[name]
	if d == nil {
		d = &network.Delivery{}
		out[name] = d
	}
	for _, o := range d.Puts {
		delete(paths, o.Path)
	}
	for _, p := range d.Removes {
		delete(paths, p)
	}
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		_, must := slices.BinarySearch(c.state.At(p), name)
		if o, ok := c.state.Object(p); ok && must {
			d.Puts = append(d.Puts, o)
		}
	}
	d.Puts = network.Order(d.Puts)
}

// Last is the number of the newest entry of a site, in the current term.
func (c *Core) Last(name string) uint64 {
	if s := c.sites[name]; s != nil {
		return s.last
	}
	return 0
}

// Entry is entry number sequence of a site as it is to be sent now; nil if it is not there: it
// is applied, or dropped.
func (c *Core) Entry(name string, sequence uint64) *events.NetworkEntry {
	s := c.sites[name]
	if s == nil || s.pending(sequence) == nil {
		return nil
	}
	p := s.pending(sequence)
	m := &events.NetworkEntry{
		Site: name, Term: c.term, Sequence: sequence, Previous: sequence - 1, Change: p.change, Skipped: p.skipped,
		Traceparent: p.trace.Parent, Tracestate: p.trace.State,
	}
	for _, o := range p.puts {
		m.Puts = append(m.Puts, o.Revised())
	}
	for _, path := range p.removes {
		m.Removes = append(m.Removes, string(path))
	}
	return m
}
