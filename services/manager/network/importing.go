package network

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// era is how many terms an import leaves to the global manager whose log was copied: those that
// it begins by itself, because a log lost its end, stay below the term of the import. So a site
// that is in a term of a later era follows a global manager that was promoted elsewhere.
const era = 1_000_000

// Era tells of a term which import it belongs to; 0: none.
func Era(term uint64) uint64 { return term / era }

// nextEra is the first term that no global manager of these terms begins by itself.
func nextEra(terms ...uint64) uint64 { return (slices.Max(terms)/era + 1) * era }

// Of is the place up to which the log was read that the state was imported from; empty: nothing
// was imported.
func (c *Core) Of() string { return c.of }

// Replaced tells whether sites follow a global manager that was promoted elsewhere.
func (c *Core) Replaced() bool { return c.replaced }

// imports are the parts of an import that does not count yet.
type imports struct {
	id    string
	parts []*events.NetworkImportRequested
}

// collect folds a part. The first of an attempt drops what was there of another one.
func (c *Core) collect(m *events.NetworkImportRequested) {
	switch {
	case m == nil:
		return
	case m.Number == 0 || len(c.importing.parts) == 0:
		c.importing = imports{id: m.ImportId}
	case m.ImportId != c.importing.id:
		return
	}
	c.importing.parts = append(c.importing.parts, m)
}

// objects are all that was imported.
func (i *imports) objects() (out []*network.Object) {
	for _, part := range i.parts {
		for _, r := range part.Objects {
			if o := network.FromRevised(r); o != nil {
				out = append(out, o)
			}
		}
	}
	return out
}

// take makes what was imported the state, if a promotion names it. The numbers of sites go on
// behind those of either side.
func (c *Core) take(m *events.NetworkPromoted) {
	if m.ImportId == "" || m.ImportId != c.importing.id {
		return
	}
	parts := c.importing.parts
	used := map[string]uint64{}
	for _, of := range []map[string]*site{c.sites, c.gone} {
		for name, s := range of {
			used[name] = s.last
		}
	}
	objects := c.importing.objects()
	c.state, c.sites, c.gone, c.changes, c.importing = network.NewState(), map[string]*site{}, map[string]*site{}, map[uint64]*change{}, imports{}
	for _, part := range parts {
		for _, s := range part.Sites {
			at := &site{last: max(s.Last, used[s.Site])}
			delete(used, s.Site)
			if s.Retired {
				c.gone[s.Site] = at
				continue
			}
			c.sites[s.Site] = at
			c.state.SetSite(network.Site{Name: s.Site, Labels: s.Labels})
		}
		for _, id := range part.Requests {
			c.remember(id)
		}
	}
	for name, last := range used {
		c.gone[name] = &site{last: last}
	}
	c.state.Apply(network.Change{Puts: objects})
	c.change, c.oldest, c.of, c.replaced = m.Change, m.Change+1, m.Of, false
}

// part takes a part of what another global manager has decided.
func (d *decision) part(m *events.NetworkImportRequested) {
	if wrong := d.checkPart(m); wrong != nil {
		d.refuse(*wrong)
		return
	}
	d.emit(&events.NetworkImported{Part: m, RequestId: d.id, AtMs: d.now})
}

// bad is a mistake of an import.
func bad(code events.Code, pointer, format string, args ...any) *network.Mistake {
	return &network.Mistake{Code: code, Pointer: pointer, Message: fmt.Sprintf(format, args...)}
}

func (d *decision) checkPart(m *events.NetworkImportRequested) *network.Mistake {
	next := uint32(len(d.importing.parts))
	switch {
	case events.CheckOptionalID("the import ID", m.ImportId) != nil || m.ImportId == "":
		return bad(events.CodeBadData, "/importId", "the import ID is %.80q; give one of at most %d bytes", m.ImportId, events.MaxIDBytes)
	case !d.free():
		return bad(events.CodeInUse, "/importId", "there are %d objects and %d sites here; a global manager imports what another one has decided only if it has nothing of its own, or was replaced by it", len(d.state.Objects()), len(d.sites))
	case m.Number > 0 && (m.ImportId != d.importing.id || m.Number != next):
		return bad(events.CodeBadData, "/number", "part %d of the import %.80q does not follow part %d of the import %.80q; begin anew under another ID", m.Number, m.ImportId, int64(next)-1, d.importing.id)
	}
	for i, r := range m.Objects {
		if network.FromRevised(r) == nil {
			return bad(events.CodeBadPath, fmt.Sprint("/objects/", i), "%.200q is no object that this version knows", r.GetObject().GetPath())
		}
	}
	for i, s := range m.Sites {
		err := network.CheckSite(s.GetSite())
		if err == nil {
			err = network.CheckLabels(s.GetLabels())
		}
		if err != nil || s.GetLast() > maxTerm {
			return bad(events.CodeBadData, fmt.Sprint("/sites/", i), "site %.80q with entry %d: %v", s.GetSite(), s.GetLast(), err)
		}
	}
	return nil
}

// free tells whether nothing would be lost if another state took the place of this one.
func (d *decision) free() bool {
	return d.replaced || len(d.sites) == 0 && d.Core.change == 0
}

// whole says what is wrong with all that was imported; nil if it can count.
func (d *decision) whole(m *events.NetworkPromoteRequested) *network.Mistake {
	objects := d.importing.objects()
	there, sites := map[network.Path]bool{}, 0
	for _, o := range objects {
		there[o.Path] = true
	}
	for _, part := range d.importing.parts {
		sites += len(part.Sites)
	}
	switch got := network.Digest(objects); {
	case !d.free(), m.ImportId != d.importing.id, int(m.Parts) != len(d.importing.parts):
		return bad(events.CodeBadData, "/importId", "%d parts of the import %.80q are promoted, and %d parts of %.80q are there; begin anew under another ID", m.Parts, m.ImportId, len(d.importing.parts), d.importing.id)
	case got != m.Digest || len(there) != len(objects):
		return bad(events.CodeBadData, "/digest", "the objects of the import %.80q have the digest %016x, and %016x was said; begin anew under another ID", m.ImportId, got, m.Digest)
	case m.Term > maxTerm || m.Change > maxTerm || sites > 2*MaxSites || len(m.Of) > network.MaxObjectBytes:
		return bad(events.CodeBadData, "/term", "term %d, change %d and %d sites are more than there can be", m.Term, m.Change, sites)
	}
	for _, o := range objects {
		for _, r := range o.References {
			if !there[r] {
				return &network.Mistake{Path: string(o.Path), Code: events.CodeUnknownObject, Message: fmt.Sprintf("%s refers to %s, which was not imported", o.Path, r)}
			}
		}
	}
	return nil
}

// replacedBy notes that a site follows a global manager that was promoted elsewhere.
func (c *Core) replacedBy() {
	c.replaced = true
	for _, s := range c.sites {
		*s = site{last: s.last}
	}
}

// Parts are what a global manager that takes over imports under an ID, and the promotion that
// names them. Each part has about that many bytes at most. of is the place up to which the log
// was read.
func (c *Core) Parts(id, of string, bytes int) (parts []*events.NetworkImportRequested, then *events.NetworkPromoteRequested) {
	m, size := &events.NetworkImportRequested{ImportId: id}, 0
	room := func(next proto.Message) {
		n := proto.Size(next)
		if size > 0 && size+n > bytes {
			parts = append(parts, m)
			m, size = &events.NetworkImportRequested{ImportId: id, Number: m.Number + 1}, 0
		}
		size += n
	}
	add := func(s *events.NetworkImportedSite) {
		room(s)
		m.Sites = append(m.Sites, s)
	}
	for _, of := range c.state.Sites() {
		add(&events.NetworkImportedSite{Site: of.Name, Labels: of.Labels, Last: c.sites[of.Name].last})
	}
	for _, name := range slices.Sorted(maps.Keys(c.gone)) {
		add(&events.NetworkImportedSite{Site: name, Last: c.gone[name].last, Retired: true})
	}
	objects := network.Order(c.state.Objects())
	for _, o := range objects {
		r := o.Revised()
		room(r)
		m.Objects = append(m.Objects, r)
	}
	for _, request := range c.requests {
		room(&events.NetworkImportRequested{ImportId: request})
		m.Requests = append(m.Requests, request)
	}
	parts = append(parts, m)
	return parts, &events.NetworkPromoteRequested{
		ImportId: id, Parts: uint32(len(parts)), Digest: network.Digest(objects), Term: c.term, Change: c.change, Of: of,
	}
}
