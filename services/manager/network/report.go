package network

import (
	"fmt"
	"math"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// maxTerm bounds the terms and the numbers of a report, so that there are some above them.
const maxTerm = 1 << 60

// report folds what a channel has seen of its site: what it says moves forward only. A site
// that has more than this log knows of has it from a log that was lost: a new term begins,
// and all sites are compared by full syncs.
func (d *decision) report(m *events.NetworkSiteReport) {
	s := d.sites[m.Site]
	switch {
	case s == nil, d.replaced, m.Term > maxTerm, m.Sequence > maxTerm:
		return
	case m.Term/era > d.term/era: // Not what this log has lost, but another log.
		d.emit(&events.NetworkReplaced{Site: m.Site, Term: m.Term, AtMs: d.now})
		return
	case m.Term > d.term, m.Term == d.term && (m.Sequence > s.last || m.Sync > s.sync):
		at := s.last
		if m.Sequence > s.last {
			d.emit(&events.NetworkSiteObserved{Site: m.Site, Sequence: m.Sequence, AtMs: d.now})
		}
		d.promote(&events.NetworkPromoted{Term: max(d.term, m.Term) + 1, Reason: fmt.Sprintf("AHEAD: %s has entry %d of term %d; this log ends at entry %d of term %d", m.Site, m.Sequence, m.Term, at, d.term)})
		return
	case m.Term < d.term: // It gets a full sync of this term; if it had one, it has lost that.
		if m.NeedsSync != "" && !s.syncing {
			d.order(m.Site, cut(m.NeedsSync))
		}
		return
	}
	if m.Sequence > s.applied {
		d.emit(&events.NetworkSiteObserved{Site: m.Site, Sequence: m.Sequence, AtMs: d.now})
	}
	switch {
	case s.syncing && m.Sync >= s.sync:
		d.emit(&events.NetworkSyncEnded{Site: m.Site, Sync: s.sync, AtMs: d.now})
	case !s.syncing && m.NeedsSync != "":
		d.order(m.Site, cut(m.NeedsSync))
	}
}

// mostOverdue bounds what one call of Advance tells.
const mostOverdue = 1000

// Advance implements eventlog.Core: it orders full syncs of sites whose entries were dropped,
// and tells what is overdue. Reports that came in time must have been read: that is measured
// against ReadTo.
func (c *Core) Advance(now events.Clock, emit func(proto.Message)) (more bool) {
	d := decision{Core: c, now: now.Now, emit: emit}
	left := mostOverdue
	for _, of := range c.state.Sites() {
		s := c.sites[of.Name]
		if s.overflowed {
			d.order(of.Name, Overflow)
		}
		if s.soonest() > now.ReadTo {
			continue
		}
		s.looked = false // The next look is at those that are left.
		s.each(func(sequence uint64, p *pending) bool {
			if !p.late(now.ReadTo) {
				return true
			}
			if left--; left >= 0 {
				emit(&events.NetworkOverdue{Site: of.Name, Change: p.change, Sequence: sequence, AtMs: now.Now})
			}
			return left >= 0
		})
		if left < 0 {
			return true
		}
	}
	return false
}

// soonest is when an entry may become overdue; it may be too early, where those that were are applied
// meanwhile, and never too late.
func (s *site) soonest() int64 {
	if s.looked {
		return s.due
	}
	s.due, s.looked = math.MaxInt64, true
	s.each(func(_ uint64, p *pending) bool {
		if !p.overdue && p.skipped == "" {
			s.due = min(s.due, p.deadline)
		}
		return true
	})
	return s.due
}

// late tells whether an entry is overdue, and nobody has been told.
func (p *pending) late(readTo int64) bool {
	return p.deadline <= readTo && !p.overdue && p.skipped == ""
}

// Wakes implements eventlog.Timed.
func (c *Core) Wakes() (now, readTo int64) {
	readTo = math.MaxInt64
	for _, s := range c.sites {
		if s.overflowed {
			return 0, 0
		}
		readTo = min(readTo, s.soonest())
	}
	return math.MaxInt64, readTo
}
