package copying

import (
	"time"

	"github.com/spanway/spanway/services/replicator/mirror"
)

// tell reports how the copy stands, where that is due, and logs its incidents.
func (c *Copier) tell(err error) {
	r := &c.report
	now := time.Now()
	if err != nil {
		r.LastError = err.Error()
	}
	if c.copy != nil {
		c.look(now)
	}
	urgent := r.State != c.told.State || r.Paused != c.told.Paused || r.LastError != c.told.LastError || len(c.incidents) > 0 || c.toldAt.IsZero()
	if c.cfg.Report == nil || !urgent && (now.Sub(c.toldAt) < c.spacing() || !c.told.differs(r)) {
		return
	}
	r.Incidents, c.incidents = c.incidents, nil
	c.told, c.toldAt = *r, now
	c.cfg.Report(*r)
	r.Incidents = nil
}

// look takes over what the core says.
func (c *Copier) look(now time.Time) {
	r := &c.report
	if state := c.copy.State(); state != r.State {
		r.State, r.Since = state, now
	}
	r.Counts = c.copy.Counts()
	if rest, ok := c.copy.Next().(mirror.Rest); ok {
		r.Reason = rest.Reason
	}
	if mark, ok := c.copy.Checkpoint(); ok {
		if mark.Generation != r.Generation {
			r.ConsistentSince = time.Time{}
		}
		r.Next, r.SnapshotEnd, r.Generation = mark.Next, mark.SnapshotEnd, mark.Generation
	} else if r.State == mirror.Stopped && mark.Generation > 0 { // It may have stopped in the page that it began with.
		if mark.Generation != r.Generation {
			r.Next, r.Generation = mark.Next, mark.Generation
		}
		r.Next = max(r.Next, mark.Next)
	}
	r.Oldest = c.oldest()
	switch {
	case r.State == mirror.Stopped: // What it stopped at is missing.
		r.ConsistentSince = time.Time{}
	case r.State == mirror.Delta && r.ConsistentSince.IsZero():
		r.ConsistentSince = now
	}
	for _, i := range c.copy.Incidents() {
		if c.cfg.Report != nil {
			c.incidents = append(c.incidents, i)
		}
		c.cfg.Logger.Warn("a copy met an incident", "reason", i.Reason, "offset", i.Offset, "lost", i.Lost, "lost_unknown", i.LostUnknown, "state", r.State.String(),
			"source", c.cfg.Copy.Source, "target", c.cfg.Copy.Target)
	}
}

// differs says whether there is news in a report.
func (r *Report) differs(than *Report) bool {
	return r.State != than.State || r.Next != than.Next || r.SourceStart != than.SourceStart || r.SourceEnd != than.SourceEnd || r.SnapshotEnd != than.SnapshotEnd ||
		r.Counts != than.Counts || r.Generation != than.Generation || r.Reason != than.Reason || r.Paused != than.Paused || r.LastError != than.LastError ||
		r.FenceRefused != than.FenceRefused
}
