package mirror

// Ended is where a source ended when it was looked at last.
type Ended struct {
	// ID is that of the topic; empty if the cluster does not tell.
	ID string
	// End is -1 if it is not known.
	End int64
	// Told says that an incident told what of it was not copied.
	Told bool
}

// ended is what a copy knows of where the topic ended that it copies.
type ended struct {
	Ended
	known bool
}

// Ended says where the source ended, as others have seen it: what of that topic is yet to be
// copied is lost when there is another one.
func (c *Copy) Ended(e Ended) { c.ended = ended{e, true} }

// seen notes where the source ends, by a page of the topic that is copied.
func (c *Copy) seen(page *Source) {
	switch c.state {
	case Beginning, Snapshot, Delta, Sweeping:
		c.ended = ended{Ended{ID: page.ID, End: page.End}, true}
	}
}

// lost is how many offsets were yet to be copied of a topic that is gone.
func (e *ended) lost(mark *Checkpoint) (n int64, unknown bool) {
	if !e.known || e.End < 0 || e.ID != mark.SourceID {
		return 0, true
	}
	return max(0, e.End-mark.Next), false
}

// leave has a copy leave the generation that an operator has ended. It tells of a topic that it
// leaves before it was seen that it is gone. One that is to begin behind the end of the source
// stops: nothing stands there, and what came below that offset would not be copied.
func (c *Copy) leave(page *Source) (stopped bool) {
	left := c.left
	if c.left = nil; left == nil {
		return false
	}
	if !c.ended.Told && differ(left.SourceID, page.ID) {
		i := Incident{Reason: SourceChanged}
		if i.Lost, i.LostUnknown = c.ended.lost(left); i.Lost > 0 || i.LostUnknown {
			c.tell(i)
		}
	}
	from := c.mark.Start
	if from <= page.End {
		return false
	}
	c.mark, c.fresh = *left, false
	c.stop(Incident{Reason: BeyondEnd, Offset: from})
	return true
}
