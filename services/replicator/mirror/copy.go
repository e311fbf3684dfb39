package mirror

import (
	"fmt"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// Copy copies one partition. It is not safe for concurrent use.
type Copy struct {
	cfg   Config
	state State
	why   Reason

	saved *Checkpoint // the newest known when the partition was claimed
	// offered is what is known of others until the partition is claimed.
	offered *Checkpoint
	mark    Checkpoint // as it is now
	fresh   bool       // a generation begins
	held    bool       // a checkpoint of this claim is saved

	target target
	proof  []Proof // yet to be compared with the source
	proven []Proof // the source has these

	term      int64 // of the page before
	page      []events.Record
	next      int64           // where to go on behind the page
	chosen    int             // how many of page are decided, with those of batch
	batch     []events.Record // to append, or in flight
	origins   []int64         // of batch
	kept      []events.Record // that come behind batch, which was cut
	keptOf    []int64         // their origins
	tallied   int64           // the records below are in counts, but for those of batch
	limit     int             // records in a batch, after the target refused one; 0 is no limit
	bury      *DeadLetter
	marker    events.Marker
	read      struct{ at, end int64 } // when the page before was read, and where the source ended
	ended     ended
	left      *Checkpoint // the generation that an operator has ended, until another one begins
	sweep     *sweep
	swept     int64 // when the last sweep began
	room      int   // how many bytes the keys of a share may take in a sweep
	incidents []Incident
	counts    Counts
}

// Counts is what a copy has done since it was made.
type Counts struct {
	// Copied records were appended. Looped ones were dropped because they have been in
	// the target's cluster, or in too many; Relayed because they are copies themselves;
	// Elsewhere because they are routed to other sites. Buried ones are dead letters.
	Copied, Looped, Relayed, Elsewhere, Buried int64
	// Swept are keys that were deleted because the source does not have them any more.
	Swept int64
}

// New makes a copy that goes on from a checkpoint; nil if there is none.
func New(cfg Config, saved *Checkpoint) *Copy {
	return &Copy{cfg: cfg, saved: saved, room: sweptBytes}
}

// State is what the copy does now.
func (c *Copy) State() State { return c.state }

// Counts is what it has done since it was made.
func (c *Copy) Counts() Counts { return c.counts }

// Checkpoint is what to save from time to time, so that a stretch of the source of which
// nothing is copied is not read again; ok is false while there is none yet.
func (c *Copy) Checkpoint() (_ Checkpoint, ok bool) {
	mark := c.mark
	mark.Claim, mark.Proof = c.target.claimed, slices.Clone(mark.Proof)
	return mark, c.state == Snapshot || c.state == Delta || c.state == Sweeping
}

// Waiting is the timestamp of the record of the source that comes next, as far as it was
// read; 0 if it was not.
func (c *Copy) Waiting() int64 {
	switch {
	case c.state == Sweeping:
		return 0
	case len(c.batch) > 0:
		return c.batch[0].Timestamp
	case c.bury != nil:
		return c.bury.Record.Timestamp
	case len(c.kept) > 0:
		return c.kept[0].Timestamp
	case c.chosen < len(c.page):
		return c.page[c.chosen].Timestamp
	}
	return 0
}

// Incidents returns what an operator must know of, since it was called last.
func (c *Copy) Incidents() []Incident {
	all := c.incidents
	c.incidents = nil
	return all
}

// Next is the step that comes next. Called again before the step was answered it is the
// same.
func (c *Copy) Next() Step {
	switch c.state {
	case Stopped:
		return Rest{c.why}
	case Claiming:
		return Claim{}
	case Resuming:
		return ReadTail{c.target.looked, c.target.end}
	case Proving:
		return c.readProof()
	case Beginning:
		mark, _ := c.Checkpoint()
		return Save{mark}
	}
	switch {
	case c.target.looked < c.target.end:
		return ReadTail{c.target.looked, c.target.end}
	case c.state == Sweeping:
		return c.sweepStep()
	case len(c.batch) > 0:
		return Append{c.batch}
	case c.bury != nil:
		return *c.bury
	}
	return ReadSource{From: c.mark.Next}
}

// Known gives the checkpoint that counts once the partition is claimed; nil if there is none.
// Others may have saved it since the copy was made.
func (c *Copy) Known(saved *Checkpoint) {
	if c.state == Claiming {
		c.offered = saved
	}
}

// adopt takes the checkpoint that was given over the copy's own one, if it counts more. One
// that was saved of another target does not: a target that lost its end, or was created again,
// ends below where that was claimed.
func (c *Copy) adopt(end int64, id string) {
	o := c.offered
	if c.offered = nil; o == nil {
		return
	}
	if c.saved == nil || o.Newer(c.saved) && o.Claim <= end && !differ(o.TargetID, id) {
		c.saved = o
	}
}

// Claimed says that the partition is the copy's, and that its records before that stand in
// [start, end). The ID is that of its topic; empty if the cluster does not tell.
func (c *Copy) Claimed(start, end int64, id string) error {
	if c.state != Claiming {
		return c.surprised("its partition was claimed")
	}
	c.adopt(end, id)
	var last *Last
	if c.saved != nil {
		last = c.saved.Last
	}
	c.target.claim(start, end, id, last)
	c.state, c.held = Resuming, false
	if c.target.looked >= end {
		c.resume()
	}
	return nil
}

// Unknown says that a step failed for good, or that whether a batch or a dead letter
// stands is not known. The partition is claimed anew.
func (c *Copy) Unknown() {
	if c.state == Stopped {
		return
	}
	if mark, ok := c.Checkpoint(); ok {
		c.saved = &mark
	}
	c.drop()
	c.state = Claiming
}

// drop forgets what was read and what is in flight.
func (c *Copy) drop() {
	c.page, c.chosen, c.batch, c.origins, c.bury = nil, 0, nil, nil, nil
	c.kept, c.keptOf = nil, nil
	c.proof, c.proven, c.limit, c.term = nil, nil, 0, 0
	c.sweep, c.read.at = nil, 0
}

// Saved says that the checkpoint of the last Save is durable.
func (c *Copy) Saved() error {
	if c.state != Beginning {
		return c.surprised("its checkpoint was saved")
	}
	c.held = true
	c.settle()
	return nil
}

// goOn goes on where it is proven that the source is the one that was copied.
func (c *Copy) goOn() {
	if c.declare() || !c.held {
		c.state = Beginning
		return
	}
	c.settle()
}

// settle tells a snapshot from a delta.
func (c *Copy) settle() {
	c.state = Snapshot
	if c.mark.Next >= c.mark.SnapshotEnd {
		c.state = Delta
	}
}

// stop stops the copy, and tells why.
func (c *Copy) stop(i Incident) {
	c.tell(i)
	c.drop()
	c.state, c.why = Stopped, i.Reason
}

func (c *Copy) tell(i Incident) { c.incidents = append(c.incidents, i) }

// surprised is the error of a shell that tells what the copy did not ask for.
func (c *Copy) surprised(what string) error {
	return fmt.Errorf("a copy of %s/%d that is %s was told that %s, which it had not asked for",
		c.cfg.Source.Topic, c.cfg.Source.Partition, c.state, what)
}
