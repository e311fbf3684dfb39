package mirror

import (
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// fate is what becomes of a record of the source.
type fate uint8

const (
	copied fate = iota
	looped
	relayed
	elsewhere
	uncopyable
	misrouted
)

// fate decides on a record, and makes its copy if it is copied.
func (c *Copy) fate(r *events.Record) (marked events.Record, f fate) {
	if _, standIn := r.Header(events.HeaderUndecodable); standIn {
		return marked, uncopyable
	}
	mark := events.Provenance{Origin: events.Origin{ClusterPartition: c.cfg.Source, Offset: r.Offset}, Generation: c.mark.Generation}
	if p, ok := events.ProvenanceOf(r, c.cfg.Source); ok {
		if f := c.cfg.goesOn(&p); f != copied {
			return marked, f
		}
		mark.Earlier = append(slices.Clip(p.Earlier), events.Hop{Cluster: p.Cluster, Offset: p.Offset})
	}
	if c.cfg.Routed != nil {
		switch wanted, ok := c.cfg.Routed.wants(r); {
		case !ok:
			return marked, misrouted
		case !wanted:
			return marked, elsewhere
		}
	}
	marked = c.marker.Mark(&mark, r, c.cfg.Target)
	if c.exceeds(marked.Size()) {
		return marked, uncopyable
	}
	return marked, copied
}

// goesOn decides on a record that is a copy itself.
func (c *Config) goesOn(p *events.Provenance) fate {
	switch {
	case p.Passed(c.Target.Cluster) || len(p.Earlier)+1 >= MaxHops:
		return looped
	case !c.Relay:
		return relayed
	}
	return copied
}

// PassesOver tells whether a record of the source is not copied for where it has come from,
// whatever else is the matter with it.
func (c *Config) PassesOver(r *events.Record) bool {
	p, ok := events.ProvenanceOf(r, c.Source)
	return ok && c.goesOn(&p) != copied
}

func (c *Copy) exceeds(size int) bool { return c.cfg.MaxRecord > 0 && size > c.cfg.MaxRecord }

// Exceeds tells whether a record of the source would be copied, but that its copy is larger
// than the target takes.
func (c *Copy) Exceeds(r *events.Record) bool {
	if !c.exceeds(r.Size() + provenanceBytes) {
		return false
	}
	marked, f := c.fate(r)
	return f == uncopyable && c.exceeds(marked.Size())
}

// provenanceBytes is more than a copy has besides what its record has.
const provenanceBytes = 2048

// count counts a record that is dropped, once.
func (c *Copy) count(f fate, offset int64) {
	if offset < c.tallied {
		return
	}
	c.tallied = offset + 1
	switch f {
	case looped:
		c.counts.Looped++
	case relayed:
		c.counts.Relayed++
	case elsewhere:
		c.counts.Elsewhere++
	}
}
