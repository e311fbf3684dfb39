package network

import (
	"maps"
	"slices"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// State is that of objects and sites. It must not be changed.
func (c *Core) State() *network.State { return c.state }

// Term is the current term; Change the number of the newest change.
func (c *Core) Term() uint64 { return c.term }

// Change is the number of the newest change; 0: there is none.
func (c *Core) Change() uint64 { return c.change }

// SyncOf is the full sync that a site is to get now, in whole: what follows it are the
// entries behind its base.
type SyncOf struct {
	// Begin lacks the ID of the attempt.
	Begin *events.NetworkSyncBegin
	// Objects are all that the site must have, definitions before what refers to them.
	Objects []*network.Object
	Digest  uint64
}

// Sync is the full sync that a site is to get; ok is false if it is to get none.
func (c *Core) Sync(name string) (of SyncOf, ok bool) {
	s := c.sites[name]
	if s == nil || !s.syncing {
		return SyncOf{}, false
	}
	objects := c.state.Project(name)
	return SyncOf{
		Begin:   &events.NetworkSyncBegin{Site: name, Term: c.term, Sync: s.sync, Base: s.last},
		Objects: objects, Digest: network.Digest(objects),
	}, true
}

// SiteStatus is how a site stands.
type SiteStatus struct {
	Site network.Site
	// Last is the number of its newest entry, Applied that of the newest which it has applied.
	Last, Applied uint64
	// Syncing: a full sync is ordered, for that reason, since that time in milliseconds.
	Syncing bool
	Sync    uint64
	Reason  string
	SinceMs int64
	// Waiting entries are not known to be applied there, the oldest since OldestMs; 0: none
	// waits. Overdue are those that are late.
	Waiting, Overdue int
	OldestMs         int64
}

// Sites says how sites stand, by name.
func (c *Core) Sites() (out []SiteStatus) {
	for _, of := range c.state.Sites() {
		s := c.sites[of.Name]
		st := SiteStatus{Site: of, Last: s.last, Applied: s.applied, Syncing: s.syncing, Sync: s.sync, Reason: s.reason, SinceMs: s.since, Waiting: len(s.entries)}
		if len(s.entries) > 0 {
			st.OldestMs = s.entries[0].at
		}
		s.each(func(_ uint64, p *pending) bool {
			if p.overdue {
				st.Overdue++
			}
			return true
		})
		out = append(out, st)
	}
	return out
}

// Progress of a change at a site, in the order from worst to best.
type Progress uint8

// How far a change is at a site.
const (
	Overdue Progress = iota + 1
	// Syncing: the site gets a full sync, which holds the change.
	Syncing
	// Queued: the entry of the change is not applied.
	Queued
	// Skipped: it is passed over, and not applied yet.
	Skipped
	Applied
)

// String is the word for it.
func (p Progress) String() string {
	return [...]string{"?", "overdue", "syncing", "queued", "skipped", "applied"}[min(int(p), 5)]
}

// ChangeStatus says how far a change is at each site that got it and is still there; ok is
// false if the change is not remembered. The whole is as far as the worst of them.
func (c *Core) ChangeStatus(number uint64) (at map[string]Progress, ok bool) {
	rec := c.changes[number]
	if rec == nil {
		return nil, false
	}
	at = map[string]Progress{}
	for name, sequence := range rec.sites {
		if s := c.sites[name]; s != nil {
			at[name] = s.progress(rec, sequence, c.term)
		}
	}
	return at, true
}

func (s *site) progress(rec *change, sequence, term uint64) Progress {
	p := s.waiting(sequence)
	switch {
	case p != nil && p.overdue && p.change == rec.number:
		return Overdue
	case rec.term != term && s.syncing, rec.term == term && sequence > s.applied && s.syncing:
		return Syncing
	case rec.term != term, sequence <= s.applied:
		return Applied
	case s.pending(sequence) == nil: // It was dropped, and no full sync is ordered yet.
		return Syncing
	case p.skipped != "":
		return Skipped
	}
	return Queued
}

// Worst is how far a change is as a whole; Applied if no site got it.
func Worst(at map[string]Progress) Progress {
	return slices.Min(append(slices.Collect(maps.Values(at)), Applied))
}
