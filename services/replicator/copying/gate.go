package copying

import (
	"context"
	"time"

	"github.com/spanway/spanway/services/replicator/mirror"
)

// Admission is that of the snapshot of one copy: it bounds how many are read together. It
// is safe for concurrent use.
type Admission interface {
	// Ask says whether the snapshot may be read on. If not, it is to ask again once changed
	// is closed, and must keep nothing until then that others need.
	Ask() (admitted bool, changed <-chan struct{})
	// Progress says that it has gone on.
	Progress()
	// Limited says that it could not go on until now, for it was held up on purpose.
	Limited()
	// Leave says that it is copied, or is not copied on.
	Leave()
}

// entry is what a Copier knows of its Admission.
type entry struct {
	asked bool  // and has not left
	held  bool  // it was not admitted when it asked last
	next  int64 // how far the snapshot was when it last went on
}

// admitted says whether the source may be read from an offset on. Three reads need no
// admission: of the first page of a snapshot, so that a small one never waits, nor those
// that find out how much there is to copy; of what is behind a snapshot; and of any copy if
// there is no Admission.
func (c *Copier) admitted(from int64) (ok bool, changed <-chan struct{}) {
	mark, _ := c.copy.Checkpoint()
	if c.cfg.Admission == nil || c.copy.State() != mirror.Snapshot || from == mark.Start || from >= mark.SnapshotEnd {
		return true, nil
	}
	if !c.entry.asked {
		c.entry.asked, c.entry.next = true, mark.Next
	}
	return c.cfg.Admission.Ask()
}

// hold holds the copy up if its snapshot is not admitted: until it may be, or something
// else is due. It keeps no page and no room meanwhile.
func (c *Copier) hold(ctx context.Context, from int64) (held bool, err error) {
	ok, changed := c.admitted(from)
	if c.entry.held = !ok; ok {
		return false, nil
	}
	c.dropAhead()
	timer := time.NewTimer(c.due())
	defer timer.Stop()
	select {
	case <-changed:
	case <-c.beingSaved():
	case <-timer.C:
	case <-ctx.Done():
		return true, ctx.Err()
	}
	return true, nil
}

// account tells the Admission what has come of a step. While the copy finds out where to go
// on it keeps its place.
func (c *Copier) account() {
	if !c.entry.asked {
		return
	}
	mark, reading := c.copy.Checkpoint()
	switch {
	case c.copy.State() == mirror.Stopped || reading && c.copy.State() != mirror.Snapshot:
		c.leave()
	case reading && mark.Next != c.entry.next:
		c.entry.next = mark.Next
		c.cfg.Admission.Progress()
	}
}

// limited tells the Admission that the copy is held up by its limit, or for want of room.
func (c *Copier) limited() {
	if c.entry.asked {
		c.cfg.Admission.Limited()
	}
}

// leave gives the place up.
func (c *Copier) leave() {
	if c.entry.asked {
		c.cfg.Admission.Leave()
	}
	c.entry = entry{}
}
