package site

import (
	"fmt"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Why an entry or a part of a full sync changes nothing.
const (
	Repeated  = "REPEATED"
	OlderTerm = "OLDER_TERM"
	Gap       = "GAP"
	BadEntry  = "BAD_ENTRY"
	StaleSync = "STALE_SYNC"
	BadSync   = "BAD_SYNC"
)

// needs tells whether a full sync is needed after that.
func needs(code string) bool { return code == Gap || code == BadEntry || code == BadSync }

// decision is one that is made of an input.
type decision struct {
	*Core
	id   string
	now  int64
	emit func(proto.Message)
}

// Decide implements eventlog.Core.
func (c *Core) Decide(in events.Input[Input], now events.Clock, emit func(proto.Message)) {
	d := decision{c, in.Value.ID, now.Now, emit}
	switch m := in.Value.Message.(type) {
	case *events.NetworkEntry:
		d.entry(m)
	case *events.NetworkSyncBegin:
		d.begin(m)
	case *events.NetworkSyncSegment:
		d.segment(m)
	case *events.NetworkSyncEnd:
		d.end(m)
	case *events.NetworkLocalRequested:
		d.locally(m)
	case *events.NetworkFound:
		d.found(m)
	case *events.NetworkEndsMissed:
		d.missed(m)
	case *events.TaskSucceeded, *events.TaskFailed, *events.TaskDeadLettered, *events.TaskExpired, *events.TaskCancelled, *events.TaskRejected:
		d.ended(m)
	case nil:
		if in.Value.Err != nil {
			d.decline(0, 0, BadEntry, "a record of the inbox cannot be read: %v", in.Value.Err)
		}
	}
}

func (d *decision) decline(term, sequence uint64, code, format string, args ...any) {
	d.emit(&events.NetworkEntryDeclined{
		Term: term, Sequence: sequence, Code: code, Message: fmt.Sprintf(format, args...),
		HaveTerm: d.term, HaveSequence: d.sequence, AtMs: d.now,
	})
}

// entry applies an entry that is the next in order, and declines any other.
func (d *decision) entry(m *events.NetworkEntry) {
	switch {
	case m.Site != d.cfg.Site:
		d.decline(m.Term, m.Sequence, BadEntry, "the entry is for the site %.80q, and this is %s", m.Site, d.cfg.Site)
	case m.Term < d.term:
		d.decline(m.Term, m.Sequence, OlderTerm, "the entry is of term %d, and this site is in term %d", m.Term, d.term)
	case m.Term == d.term && m.Sequence <= d.sequence:
		d.decline(m.Term, m.Sequence, Repeated, "the entry is applied")
	case m.Term > d.term || m.Sequence != d.sequence+1 || m.Previous != d.sequence:
		d.decline(m.Term, m.Sequence, Gap, "the entry follows entry %d of term %d, and this site has entry %d of term %d", m.Previous, m.Term, d.sequence, d.term)
	case d.bad(m) != "":
		d.decline(m.Term, m.Sequence, BadEntry, "%s", d.bad(m))
	default:
		d.emit(&events.NetworkEntryApplied{Entry: m, AtMs: d.now})
	}
}

// bad says what of an entry cannot be applied; empty if all can be.
func (d *decision) bad(m *events.NetworkEntry) string {
	for _, r := range m.Puts {
		if network.FromRevised(r) == nil {
			return fmt.Sprintf("the entry puts %.200q, which is no object that this version knows", r.GetObject().GetPath())
		}
	}
	for _, p := range m.Removes {
		if _, _, err := network.ParsePath(p); err != nil {
			return fmt.Sprintf("the entry removes what has no path: %v", err)
		}
	}
	return ""
}

// begin begins a full sync, unless it would lead back.
func (d *decision) begin(m *events.NetworkSyncBegin) {
	switch {
	case m.Site != d.cfg.Site || m.SyncId == "":
		d.decline(m.Term, m.Base, BadSync, "the full sync is for the site %.80q and has the ID %.80q; this is %s", m.Site, m.SyncId, d.cfg.Site)
	case m.Term < d.term:
		d.decline(m.Term, m.Base, OlderTerm, "the full sync is of term %d, and this site is in term %d", m.Term, d.term)
	case m.SyncId == d.syncID, d.begun != nil && m.SyncId == d.begun.begin.SyncId:
		d.decline(m.Term, m.Base, Repeated, "the full sync %.80q has begun", m.SyncId)
	case m.Term == d.term && (m.Base < d.sequence || m.Sync < d.sync), d.begun != nil && older(m, d.begun.begin):
		d.decline(m.Term, m.Base, StaleSync, "the full sync %d leads to entry %d of term %d, and this site has entry %d of term %d, or a later full sync has begun", m.Sync, m.Base, m.Term, d.sequence, d.term)
	default:
		d.emit(&events.NetworkSyncBegan{Begin: m, AtMs: d.now})
	}
}

// older tells whether a full sync was begun by the global manager before another one.
func older(a, b *events.NetworkSyncBegin) bool {
	if a.Term != b.Term {
		return a.Term < b.Term
	}
	return a.Sync < b.Sync || a.Sync == b.Sync && a.Base < b.Base
}

// segment collects the next segment of the full sync; what is of another one, or was
// collected, is passed over.
func (d *decision) segment(m *events.NetworkSyncSegment) {
	if d.begun == nil || m.SyncId != d.begun.begin.SyncId || m.Number < d.begun.segments {
		return
	}
	at := d.begun.begin
	if m.Number > d.begun.segments {
		d.decline(at.Term, at.Base, BadSync, "segment %d of the full sync %.80q comes behind segment %d", m.Number, m.SyncId, int64(d.begun.segments)-1)
		return
	}
	for _, r := range m.Objects {
		if network.FromRevised(r) == nil {
			d.decline(at.Term, at.Base, BadSync, "the full sync %.80q holds %.200q, which is no object that this version knows", m.SyncId, r.GetObject().GetPath())
			return
		}
	}
	d.emit(&events.NetworkSyncCollected{Segment: m})
}

// end applies the full sync, if all of it was collected.
func (d *decision) end(m *events.NetworkSyncEnd) {
	if d.begun == nil || m.SyncId != d.begun.begin.SyncId {
		return
	}
	at := d.begun.begin
	switch got := network.Digest(d.begun.objects); {
	case m.Segments != d.begun.segments:
		d.decline(at.Term, at.Base, BadSync, "the full sync %.80q ends with %d segments, and %d were collected", m.SyncId, m.Segments, d.begun.segments)
	case got != m.Digest:
		d.decline(at.Term, at.Base, BadSync, "the full sync %.80q has the digest %016x, and what was collected has %016x", m.SyncId, m.Digest, got)
	case at.Term == d.term && at.Base < d.sequence:
		d.decline(at.Term, at.Base, StaleSync, "the full sync leads to entry %d, and this site has entry %d", at.Base, d.sequence)
	default:
		d.emit(&events.NetworkSyncApplied{SyncId: m.SyncId, Term: at.Term, Base: at.Base, AtMs: d.now})
	}
}

// locally changes the site's own objects. Those that may not be where global ones are are
// refused, all of them together.
func (d *decision) locally(m *events.NetworkLocalRequested) {
	for _, o := range m.Objects {
		p, t, err := network.ParsePath(o.GetPath())
		of := d.objects[p]
		switch {
		case err != nil || network.FromRevised(&events.NetworkRevised{Object: o}) == nil:
			d.decline(0, 0, string(events.CodeBadPath), "the request %.80q has %.200q, which is no object", d.id, o.GetPath())
			return
		case network.PolicyOf(t) == network.Refuse && of != nil && of.wanted != nil:
			d.decline(0, 0, network.Conflict, "%s is an object of the global manager, and a %s of the site's own may not be in its place", p, t)
			return
		}
	}
	for _, p := range m.Deletes {
		if d.local[network.Path(p)] == nil {
			d.decline(0, 0, string(events.CodeUnknownObject), "the request %.80q deletes %.200q, which is no object of the site's own", d.id, p)
			return
		}
	}
	if len(m.Objects)+len(m.Deletes) > 0 {
		d.emit(&events.NetworkLocalChanged{RequestId: d.id, Objects: m.Objects, Deletes: m.Deletes, AtMs: d.now})
	}
}
