package network

import (
	"fmt"
	"maps"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/pkg/network"
)

// table gives each object an index: what is shared in memory is written once.
type table struct {
	index   map[*network.Object]uint32
	objects []*events.NetworkRevised
}

func (t *table) of(objects []*network.Object) (out []uint32) {
	for _, o := range objects {
		i, ok := t.index[o]
		if !ok {
			i = uint32(len(t.objects))
			t.index[o] = i
			t.objects = append(t.objects, o.Revised())
		}
		out = append(out, i)
	}
	return out
}

func (t *table) pending(of []*pending) (out []*events.NetworkPendingState) {
	for _, p := range of {
		out = append(out, &events.NetworkPendingState{
			Change: p.change, DeadlineAtMs: p.deadline, Puts: t.of(p.puts), Removes: texts(p.removes), Skipped: p.skipped, Overdue: p.overdue, AtMs: p.at,
			Traceparent: p.trace.Parent, Tracestate: p.trace.State,
		})
	}
	return out
}

// Snapshot implements eventlog.Fold.
func (c *Core) Snapshot(dst []byte) []byte {
	t := &table{index: map[*network.Object]uint32{}}
	m := &events.NetworkChangesState{Term: c.term, Change: c.change, Current: t.of(c.state.Objects()), Requests: c.requests, Importing: c.importing.parts, Of: c.of, Replaced: c.replaced}
	for _, of := range c.state.Sites() {
		s := c.sites[of.Name]
		state := &events.NetworkSiteState{
			Site: of.Name, Labels: of.Labels, Last: s.last, Applied: s.applied, Sync: s.sync, Syncing: s.syncing,
			Reason: s.reason, SinceMs: s.since, Overflowed: s.overflowed,
		}
		state.Entries, state.Dropped = t.pending(s.entries), t.pending(s.dropped)
		m.Sites = append(m.Sites, state)
	}
	for _, name := range slices.Sorted(maps.Keys(c.gone)) {
		s := c.gone[name]
		m.Sites = append(m.Sites, &events.NetworkSiteState{Site: name, Last: s.last, Applied: s.applied, Sync: s.sync, Retired: true})
	}
	for _, number := range slices.Sorted(maps.Keys(c.changes)) {
		rec := c.changes[number]
		state := &events.NetworkChangeState{Change: number, Term: rec.term, Before: t.of(rec.before), Created: texts(rec.created), Deletes: texts(rec.deletes)}
		for _, name := range slices.Sorted(maps.Keys(rec.sites)) {
			state.Sites = append(state.Sites, &events.NetworkPlaceState{Site: name, Sequence: rec.sites[name]})
		}
		m.Changes = append(m.Changes, state)
	}
	m.Objects = t.objects
	dst, err := proto.MarshalOptions{Deterministic: true}.MarshalAppend(dst, m)
	if err != nil { // Texts of events that were read are UTF-8.
		panic(fmt.Sprintf("network: write the state of changes: %v", err))
	}
	return dst
}

// Restore implements eventlog.Fold.
func (c *Core) Restore(state []byte) error {
	m := &events.NetworkChangesState{}
	if err := proto.Unmarshal(state, m); err != nil {
		return fmt.Errorf("read the state of changes: %w", err)
	}
	r := &reading{}
	for _, revised := range m.Objects {
		o := network.FromRevised(revised)
		if o == nil {
			return fmt.Errorf("read the state of changes: object %q is none", revised.GetObject().GetPath())
		}
		r.objects = append(r.objects, o)
	}
	c.term, c.change, c.of, c.replaced = m.Term, m.Change, m.Of, m.Replaced
	for _, part := range m.Importing {
		c.importing.id, c.importing.parts = part.ImportId, append(c.importing.parts, part)
	}
	for _, s := range m.Sites {
		if s.Retired {
			c.gone[s.Site] = r.site(s)
			continue
		}
		c.state.SetSite(network.Site{Name: s.Site, Labels: s.Labels})
		c.sites[s.Site] = r.site(s)
	}
	c.state.Apply(network.Change{Puts: r.of(m.Current)})
	for _, id := range m.Requests {
		c.remember(id)
	}
	c.oldest = c.change + 1
	for _, s := range m.Changes {
		rec := &change{number: s.Change, term: s.Term, before: r.of(s.Before), created: paths(s.Created), deletes: paths(s.Deletes), sites: map[string]uint64{}}
		for _, at := range s.Sites {
			rec.sites[at.Site] = at.Sequence
		}
		c.changes[s.Change] = rec
		c.oldest = min(c.oldest, s.Change)
	}
	return r.err
}

// reading is a state that is being read.
type reading struct {
	objects []*network.Object
	err     error
}

func (r *reading) of(indices []uint32) (out []*network.Object) {
	for _, i := range indices {
		if int(i) >= len(r.objects) {
			r.err = fmt.Errorf("read the state of changes: object %d of %d", i, len(r.objects))
			return nil
		}
		out = append(out, r.objects[i])
	}
	return out
}

func (r *reading) site(m *events.NetworkSiteState) *site {
	s := &site{last: m.Last, applied: m.Applied, sync: m.Sync, syncing: m.Syncing, reason: m.Reason, since: m.SinceMs, overflowed: m.Overflowed}
	s.entries, s.dropped = r.pending(m.Entries), r.pending(m.Dropped)
	if n := len(s.entries) + len(s.dropped); uint64(n) > s.last {
		r.err = fmt.Errorf("read the state of changes: %d entries, of which the last has number %d", n, s.last)
	}
	return s
}

func (r *reading) pending(of []*events.NetworkPendingState) (out []*pending) {
	for _, p := range of {
		out = append(out, &pending{
			change: p.Change, at: p.AtMs, deadline: p.DeadlineAtMs, puts: r.of(p.Puts), removes: paths(p.Removes), skipped: p.Skipped, overdue: p.Overdue,
			trace: events.Trace{Parent: p.Traceparent, State: p.Tracestate},
		})
	}
	return out
}

func texts(of []network.Path) (out []string) {
	for _, p := range of {
		out = append(out, string(p))
	}
	return out
}

func paths(of []string) (out []network.Path) {
	for _, p := range of {
		out = append(out, network.Path(p))
	}
	return out
}
