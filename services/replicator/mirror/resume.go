package mirror

import "slices"

// resume decides where to go on, once it is known what stands in the target.
func (c *Copy) resume() {
	if c.missing() && c.target.from > c.target.start {
		c.target.again()
		c.state = Resuming
		return
	}
	if f := c.target.foreign; f > 0 && !c.cfg.Shared {
		why := ForeignWriter
		if c.saved == nil && c.target.newest == nil {
			why = TargetNotEmpty
		}
		if why == ForeignWriter {
			c.standAt()
		}
		c.stop(Incident{Reason: why, Offset: f - 1})
		return
	}
	c.mark, c.fresh = c.position()
	c.mark.Last = c.target.newest
	c.mark.Proof = slices.DeleteFunc(slices.Clone(c.mark.Proof), func(p Proof) bool { return p.Offset >= c.mark.Next })
	if l := c.target.newest; l != nil && l.Generation == c.mark.Generation {
		for _, p := range c.target.proof {
			if p.Offset >= c.mark.read() {
				c.mark.Proof = keep(c.mark.Proof, p)
			}
		}
	}
	c.doubt()
	if b := c.cfg.Begin; b.Generation > c.mark.Generation {
		left := c.mark
		c.left = &left
		c.begin(b)
	}
}

// standAt notes up to where the source was copied, for those who ask a copy that stops here. What
// else its position has to tell is for a copy that goes on.
func (c *Copy) standAt() {
	told := c.incidents
	c.mark, _ = c.position()
	c.incidents = told
}

// missing says that the record which the checkpoint names as the newest does not stand in
// the target, and that nothing newer does.
func (c *Copy) missing() bool {
	return c.saved != nil && c.saved.Last.newer(c.target.newest)
}

// position is where to go on by what stands in the target and by the checkpoint.
func (c *Copy) position() (mark Checkpoint, fresh bool) {
	newest, saved := c.target.newest, c.saved
	switch {
	case saved == nil && newest == nil:
		return Checkpoint{Generation: 1}, true
	case saved == nil, newest.newer(saved.Last) && newest.Generation != saved.Generation:
		// There is no checkpoint, or it is of a writer that was fenced when it was saved,
		// which may even have begun a generation: what was appended since tells.
		return Checkpoint{Generation: newest.Generation, Next: newest.Origin + 1}, false
	}
	mark = *saved
	if differ(saved.TargetID, c.target.id) {
		mark.Declared = nil // Of a target that is gone.
	}
	switch {
	case c.missing():
		mark.Next = c.lost(saved)
	case newest.newer(saved.Last):
		mark.Next, mark.Proof = newest.Origin+1, nil // The records that were copied since are better ones.
	}
	// The generation may have begun anew, in a target that was created again.
	mark.Start = min(mark.Start, mark.Next)
	return mark, false
}

// lost is where to go on when the newest copied record is gone. If records were deleted
// from the front, or compacted in favour of others, those behind it were copied as far as the checkpoint says;
// else the end of the target was lost.
func (c *Copy) lost(saved *Checkpoint) int64 {
	newest, last := c.target.newest, saved.Last
	same := !differ(saved.TargetID, c.target.id) && c.target.end > last.Target
	switch {
	case same && newest == nil && c.target.start > last.Target:
		return saved.Next
	case same && c.cfg.Compacted.Target && (c.cfg.Shared || last.Target < c.cfg.Tolerated): // Another writer's record may have taken its place.
		return saved.Next
	}
	next := int64(0)
	switch {
	case newest == nil: // All is gone, of earlier generations too.
	case newest.Generation == saved.Generation:
		next = newest.Origin + 1
	default: // All of this generation is gone, and maybe the end of the one before.
		next = min(saved.Start, newest.Origin+1)
	}
	if !same || !c.cfg.Compacted.Target || !last.Tombstone {
		c.tell(Incident{Reason: TargetLost, Offset: next})
	}
	// Else compaction has deleted a tombstone in its time, and what comes behind the newest
	// record were tombstones, too, or gave way to them. That the end was lost cannot be told
	// from it, and does not matter: all that is missing is copied again.
	return next
}

// doubt has what was read compared with the source.
func (c *Copy) doubt() {
	c.proof, c.proven, c.state = slices.Clone(c.mark.Proof), nil, Proving
}

// begin begins a generation.
func (c *Copy) begin(b Begin) {
	c.mark = Checkpoint{Generation: b.Generation, Start: b.From, Last: c.mark.Last, Declared: c.mark.Declared}
	c.doubt()
	c.fresh = true
}

// changed does what is to be done when the source is not the one that was copied. What is
// proven was copied from it.
func (c *Copy) changed() {
	proven := Checkpoint{Proof: c.proven}
	i := Incident{Reason: SourceChanged, Offset: proven.read()}
	i.Lost, i.LostUnknown = c.ended.lost(&c.mark)
	if c.cfg.On.Recreated == Stop {
		c.stop(i)
		return
	}
	c.tell(i)
	c.begin(Begin{Generation: c.mark.Generation + 1, From: i.Offset})
	c.mark.Proof = proven.Proof
}

// differ says that two IDs of a topic are known and not the same.
func differ(a, b string) bool { return a != "" && b != "" && a != b }
