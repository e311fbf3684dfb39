package network

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// Why a full sync is ordered, if not for what a local manager says.
const (
	NewSite   = "NEW_SITE"
	NewTerm   = "NEW_TERM"
	Overflow  = "OVERFLOW"
	Requested = "REQUESTED"
)

// decision is one that is made of a request.
type decision struct {
	*Core
	id    string
	trace events.Trace
	now   int64
	emit  func(proto.Message)
}

// Decide implements eventlog.Core.
func (c *Core) Decide(in events.Input[Command], now events.Clock, emit func(proto.Message)) {
	d := decision{c, in.Value.ID, in.Value.Trace, now.Now, emit}
	if m, ok := in.Value.Message.(*events.NetworkSiteReport); ok {
		d.id = ""
		d.report(m)
		return
	}
	switch err := in.Value.Err; {
	case in.Value.ID != "" && c.known[in.Value.ID]: // What was decided stands in the log.
	case err != nil:
		d.refuse(network.Mistake{Code: err.Code, Message: err.Message})
	default:
		d.request(in.Value.Message)
	}
}

func (d *decision) request(m proto.Message) {
	switch m := m.(type) {
	case *events.NetworkImportRequested:
		d.part(m)
		return
	case *events.NetworkPromoteRequested:
		d.promotion(m)
		return
	}
	if d.replaced {
		d.refuse(Elsewhere)
		return
	}
	switch m := m.(type) {
	case *events.NetworkChangeRequested:
		d.change(m, 0)
	case *events.NetworkWithdrawRequested:
		d.withdraw(m)
	case *events.NetworkSiteRequested:
		d.site(m)
	case *events.NetworkSiteRetireRequested:
		d.retire(m)
	case *events.NetworkResyncRequested:
		d.resync(m)
	default:
		d.refuse(network.Mistake{Code: events.CodeUnknownType, Message: "this is nothing that a global manager does; see docs/wire.md"})
	}
}

// refuse refuses a request as a whole.
func (d *decision) refuse(wrong ...network.Mistake) {
	m := &events.NetworkRefused{RequestId: d.id, Code: string(wrong[0].Code), Message: wrong[0].Message, AtMs: d.now}
	for _, w := range wrong {
		m.Mistakes = append(m.Mistakes, &events.NetworkMistake{Path: cut(w.Path), Pointer: w.Pointer, Code: string(w.Code), Message: w.Message})
	}
	d.emit(m)
}

// message is what an error of a check says, without its code.
func message(err error) string {
	var m *events.Malformed
	if errors.As(err, &m) {
		return m.Message
	}
	return err.Error()
}

// maxToldBytes bounds a path that cannot be one.
const maxToldBytes = 256

func cut(text string) string { return string(events.Cut([]byte(text), maxToldBytes)) }

// change makes a change, or refuses all of it. withdraws is the one that it takes back, or 0.
func (d *decision) change(m *events.NetworkChangeRequested, withdraws uint64) {
	if _, wrong := d.state.Check(m, d.Core.change+1); len(wrong) > 0 {
		d.refuse(wrong...)
		return
	}
	deadline := m.DeadlineMs
	if deadline == 0 {
		deadline = DefaultDeadlineMs
	}
	d.emit(&events.NetworkChanged{
		Change: d.Core.change + 1, Term: d.term, RequestId: d.id, Objects: m.Objects, Deletes: m.Deletes, Withdraws: withdraws,
		DeadlineAtMs: d.now + deadline, Reason: m.Reason, AtMs: d.now,
		Traceparent: d.trace.Parent, Tracestate: d.trace.State,
	})
}

// withdraw puts back what a change replaced, if nothing has changed since that depends on it.
func (d *decision) withdraw(m *events.NetworkWithdrawRequested) {
	rec := d.changes[m.Change]
	if rec == nil {
		d.refuse(network.Mistake{Code: events.CodeUnknownChange, Pointer: "/change", Message: fmt.Sprintf("there is no change %d, or it is not remembered any more; see `spanway network history`", m.Change)})
		return
	}
	back := &events.NetworkChangeRequested{Reason: m.Reason}
	var wrong []network.Mistake
	check := func(p network.Path) {
		o, there := d.state.Object(p)
		if there == slices.Contains(rec.deletes, p) || there && o.Revision != rec.number {
			wrong = append(wrong, network.Mistake{Path: string(p), Code: events.CodeChangedSince, Message: fmt.Sprintf("%s has changed since change %d; withdraw what came later first", p, rec.number)})
		}
	}
	for _, o := range rec.before {
		back.Objects = append(back.Objects, o.Message)
		check(o.Path)
	}
	for _, p := range rec.created {
		back.Deletes = append(back.Deletes, string(p))
		check(p)
	}
	if len(wrong) > 0 {
		d.refuse(wrong[:min(len(wrong), network.MaxMistakes)]...)
		return
	}
	d.change(back, rec.number)
}

func (d *decision) site(m *events.NetworkSiteRequested) {
	err := network.CheckSite(m.Site)
	if err == nil {
		err = network.CheckLabels(m.Labels)
	}
	there := d.state.HasSite(m.Site)
	switch {
	case err != nil:
		d.refuse(network.Mistake{Code: events.CodeBadData, Pointer: "/site", Message: message(err)})
		return
	case !there && len(d.sites) >= MaxSites:
		d.refuse(network.Mistake{Code: events.CodeBadCount, Pointer: "/site", Message: fmt.Sprintf("there are %d sites; at most %d are allowed", len(d.sites), MaxSites)})
		return
	}
	d.emit(&events.NetworkSiteAdded{Site: m.Site, Labels: m.Labels, RequestId: d.id, AtMs: d.now})
	if !there {
		d.order(m.Site, NewSite)
	}
}

// retire takes a site out. What is still there is told, and refused unless it is forced.
func (d *decision) retire(m *events.NetworkSiteRetireRequested) {
	if !d.named(m.Site) {
		return
	}
	has := d.state.Project(m.Site)
	if len(has) > 0 && !m.Force {
		var wrong []network.Mistake
		for _, o := range has[:min(len(has), network.MaxMistakes)] {
			wrong = append(wrong, network.Mistake{Path: string(o.Path), Code: events.CodeSiteInUse, Message: fmt.Sprintf("%s is at %s (%d objects are); take the site out of its span, or force it", o.Path, m.Site, len(has))})
		}
		d.refuse(wrong...)
		return
	}
	d.emit(&events.NetworkSiteRetired{Site: m.Site, RequestId: d.id, Objects: uint32(len(has)), AtMs: d.now})
}

// named refuses what names no site.
func (d *decision) named(site string) bool {
	if !d.state.HasSite(site) {
		d.refuse(network.Mistake{Code: events.CodeUnknownSite, Pointer: "/site", Message: fmt.Sprintf("there is no site %.80q; see `spanway site list`", site)})
		return false
	}
	return true
}

func (d *decision) resync(m *events.NetworkResyncRequested) {
	if !d.named(m.Site) {
		return
	}
	s := d.sites[m.Site]
	switch {
	case !m.Abort:
		d.order(m.Site, s.needed())
	case !s.syncing:
		d.refuse(network.Mistake{Code: events.CodeNoSync, Pointer: "/abort", Message: fmt.Sprintf("no full sync of %s is under way", m.Site)})
	case s.reason != Requested: // Entries alone would not bring it what it must have.
		d.refuse(network.Mistake{Code: events.CodeNoSync, Pointer: "/abort", Message: fmt.Sprintf("the full sync of %s was not asked for but is needed (%s), so it cannot be given up", m.Site, s.reason)})
	default:
		d.emit(&events.NetworkSyncEnded{Site: m.Site, Sync: s.sync, Aborted: true, RequestId: d.id, AtMs: d.now})
	}
}

// needed is the reason of a full sync that is asked for: that of one which is needed anyway,
// so that it cannot be given up.
func (s *site) needed() string {
	switch {
	case s.overflowed:
		return Overflow
	case s.syncing:
		return s.reason
	}
	return Requested
}

// order orders a full sync of a site.
func (d *decision) order(name, reason string) {
	d.emit(&events.NetworkSyncOrdered{Site: name, Sync: d.sites[name].sync + 1, Reason: reason, RequestId: d.id, AtMs: d.now})
}

// Elsewhere is the refusal of what is asked of a global manager that was replaced.
var Elsewhere = network.Mistake{Code: events.CodeReplaced, Message: "the sites follow a global manager that was promoted elsewhere: ask that one; to go on here, mirror its log and promote this one (spanway network promote)"}

// promotion begins a term that was asked for: of what is here, or of what was imported.
func (d *decision) promotion(m *events.NetworkPromoteRequested) {
	if err := events.CheckOptionalID("the reason", m.Reason); err != nil {
		d.refuse(network.Mistake{Pointer: "/reason", Code: events.CodeBadData, Message: message(err)})
		return
	}
	if m.ImportId == "" {
		if d.replaced {
			d.refuse(Elsewhere)
			return
		}
		d.promote(&events.NetworkPromoted{Term: d.term + 1, Reason: m.Reason})
		return
	}
	if wrong := d.whole(m); wrong != nil {
		d.refuse(*wrong)
		return
	}
	d.promote(&events.NetworkPromoted{Term: nextEra(m.Term, d.term), Reason: m.Reason, ImportId: m.ImportId, Change: m.Change, Of: m.Of})
}

// promote begins a term, in which each site begins with a full sync.
func (d *decision) promote(m *events.NetworkPromoted) {
	m.RequestId, m.AtMs = d.id, d.now
	d.emit(m)
	for _, s := range d.state.Sites() {
		d.order(s.Name, NewTerm)
	}
}
