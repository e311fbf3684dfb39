package mirror

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/events"
)

// readProof reads what is to be proven. A generation that begins has read nothing yet.
func (c *Copy) readProof() ReadSource {
	s := ReadSource{From: c.unproven(), Prove: true}
	switch {
	case !c.fresh:
		s.To = c.mark.Next
	case c.left != nil:
		s.To = c.mark.Start
	}
	return s
}

// unproven is the first offset of the source that is to be read for a proof.
func (c *Copy) unproven() int64 {
	if len(c.proof) > 0 {
		return c.proof[0].Offset
	}
	return c.mark.Next
}

// prove compares what was copied with a page of the source. A record which the source has
// no longer, by retention or compaction, proves nothing. Where the source has lost its end
// the records up to the loss are proven, and not copied again.
func (c *Copy) prove(page *Source) {
	if c.fresh {
		if c.leave(page) {
			return
		}
		c.mark.Start = max(c.mark.Start, page.Start)
		c.mark.Next, c.mark.SnapshotEnd = c.mark.Start, max(c.mark.Start, page.End)
		c.mark.SourceID, c.mark.TargetID = page.ID, c.target.id
		if c.mark.CaughtUp = 0; c.mark.Last == nil { // There is no key in the target yet.
			c.mark.CaughtUp = page.At
		}
		c.fresh, c.state = false, Beginning
		c.declare()
		return
	}
	if differ(c.mark.SourceID, page.ID) {
		c.proven = nil
		c.changed()
		return
	}
	records := page.Records
	for len(c.proof) > 0 {
		p := c.proof[0]
		for len(records) > 0 && records[0].Offset < p.Offset {
			records = records[1:]
		}
		if p.Offset < page.End && len(records) == 0 && p.Offset >= max(page.Next, page.Start) {
			return // It stands on a later page.
		}
		stands := p.Offset < page.End && len(records) > 0 && records[0].Offset == p.Offset
		gone := !stands && p.Offset >= page.Start && (!c.cfg.Compacted.Source || p.Offset >= page.End)
		if gone || stands && fingerprint(&records[0]) != p.Hash {
			c.changed()
			return
		}
		if stands {
			c.proven = append(c.proven, p)
		}
		c.proof = c.proof[1:]
	}
	if proven := (&Checkpoint{Proof: c.proven}).read(); proven == c.mark.read() && (proven > 0 || c.none()) {
		// Behind it there was no record, but there may be one now.
		c.mark.Next = max(proven, c.mark.Start)
	}
	if page.End < c.mark.Next {
		c.changed()
		return
	}
	c.mark.SnapshotEnd = min(c.mark.SnapshotEnd, page.End)
	if c.mark.TargetID = c.target.id; page.ID != "" {
		c.mark.SourceID = page.ID
	}
	c.goOn()
}

// none says that nothing of this generation was read.
func (c *Copy) none() bool {
	return len(c.mark.Proof) == 0 && (c.mark.Last == nil || c.mark.Last.Generation != c.mark.Generation)
}

// fingerprint tells a record from another: XXH64 over all that a copy takes over.
func fingerprint(r *events.Record) uint64 {
	var d xxhash.Digest
	d.Reset()
	var scratch [8]byte
	number := func(n int64) {
		binary.BigEndian.PutUint64(scratch[:], uint64(n))
		_, _ = d.Write(scratch[:])
	}
	sized := func(b []byte) {
		n := int64(len(b))
		if b == nil {
			n = -1 // Null is not empty.
		}
		number(n)
		_, _ = d.Write(b)
	}
	number(r.Timestamp)
	sized(r.Key)
	sized(r.Value)
	for _, h := range r.AllHeaders() {
		if h.Key != events.HeaderOrigin && h.Key != events.HeaderTrail {
			number(int64(len(h.Key)))
			_, _ = d.WriteString(h.Key)
			sized(h.Value)
		}
	}
	return d.Sum64()
}
