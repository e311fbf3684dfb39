package mirror

import "github.com/spanway/spanway/pkg/events"

// target is what a copy knows of the partition that it writes to.
type target struct {
	start, end int64 // end is where its next record goes, if nobody else writes
	id         string
	claimed    int64 // end, when it was claimed
	from       int64 // the look at it began there
	looked     int64 // and has come so far
	newest     *Last
	proof      []Proof // of the newest generation
	foreign    int64   // the offset of the first record that is not the copy's, plus 1
}

const (
	// proofs is how many records that were read are compared with those of the source.
	proofs = 16
	// behind is how many offsets before the newest copied record the look begins.
	behind = 64
)

// claim begins the look at a partition whose newest copied record was last.
func (t *target) claim(start, end int64, id string, last *Last) {
	*t = target{start: start, end: end, id: id, claimed: end, from: start}
	if last != nil {
		t.from = min(max(start, last.Target-behind), max(start, end))
	}
	t.looked = t.from
}

// again begins the look at the first record.
func (t *target) again() {
	*t = target{start: t.start, end: t.end, id: t.id, claimed: t.claimed, from: t.start, looked: t.start}
}

// see takes note of a record that stands in the target.
func (t *target) see(cfg *Config, r *events.Record) {
	p, ok := events.ProvenanceOf(r, cfg.Target)
	if !ok || p.ClusterPartition != cfg.Source {
		if t.foreign == 0 && r.Offset >= cfg.Tolerated {
			t.foreign = r.Offset + 1
		}
		return
	}
	l := &Last{Target: r.Offset, Origin: p.Offset, Generation: p.Generation, Tombstone: r.Value == nil}
	if !l.newer(t.newest) {
		return // A program has written it again.
	}
	if t.newest != nil && t.newest.Generation != l.Generation {
		t.proof = nil
	}
	if t.newest = l; p.Swept(r) {
		return // No record of the source is like it.
	}
	t.proof = keep(t.proof, Proof{p.Offset, fingerprint(r)})
}

// keep appends a proof, and forgets the oldest of too many.
func keep(all []Proof, p Proof) []Proof {
	if len(all) == proofs {
		all = all[1:]
	}
	return append(all, p)
}

// Tail gives what the last ReadTail asked for.
func (c *Copy) Tail(read Tail) error {
	if _, ok := c.Next().(ReadTail); !ok {
		return c.surprised("records stand in its target")
	}
	if c.state == Sweeping && c.target.looked >= c.target.end {
		c.sweepTarget(&read)
		return nil
	}
	for i := range read.Records {
		if r := &read.Records[i]; r.Offset >= c.target.looked && r.Offset < c.target.end {
			c.target.see(&c.cfg, r)
		}
	}
	c.target.looked = max(c.target.looked, read.Next)
	switch {
	case c.target.looked < c.target.end:
	case c.state == Resuming:
		c.resume()
	default:
		c.filled()
	}
	return nil
}
