package copying

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/spanway/spanway/pkg/events"
	"github.com/spanway/spanway/services/replicator/mirror"
)

// ahead is a page of the source that is read while the one before is appended.
type ahead struct {
	from   int64
	cancel context.CancelFunc
	done   chan struct{} // closed when page or err is there
	page   mirror.Source
	err    error
	took   time.Duration
	room   place       // of the page; the zero value if it takes none
	waits  atomic.Bool // for room
}

// readAhead begins to read from an offset on.
func (c *Copier) readAhead(ctx context.Context, from int64, wait time.Duration) {
	a := &ahead{from: from, done: make(chan struct{})}
	ctx, a.cancel = context.WithCancel(ctx)
	c.ahead = a
	full := from < c.report.SourceEnd // Else what comes are the few records that are new.
	pages := c.pages
	go func() {
		defer close(a.done)
		if full {
			a.waits.Store(true)
			if a.room, a.err = c.cfg.Room.take(ctx, pages); a.err != nil {
				return
			}
			a.waits.Store(false)
		}
		began := time.Now()
		a.page, a.err = c.read(ctx, from, wait, Reading{Places: a.room.n})
		a.took = time.Since(began)
	}()
}

// read reads the source, and notes when.
func (c *Copier) read(ctx context.Context, from int64, wait time.Duration, how Reading) (mirror.Source, error) {
	page, err := c.cfg.Source.Read(ctx, from, wait, how)
	page.At = time.Now().UnixMilli()
	return page, err
}

// dropAhead ends the reading ahead, and waits until it has ended.
func (c *Copier) dropAhead() {
	if a := c.ahead; a != nil {
		a.cancel()
		<-a.done
		a.room.give()
		c.ahead = nil
	}
}

// giveRoom gives back the room of the page that the core had.
func (c *Copier) giveRoom() {
	c.room.give()
	c.room = place{}
}

// readSource gives the core a page. One of a proof is read now. For another one it waits
// no longer than until a renewal, a checkpoint or a report is due.
func (c *Copier) readSource(ctx context.Context, s mirror.ReadSource) error {
	c.giveRoom()
	if s.Prove {
		c.dropAhead()
		page, err := c.read(ctx, s.From, 0, Reading{Anew: true})
		if err == nil && page.End < s.To {
			err = c.lost(ctx, s.To, &page)
		}
		if err != nil {
			return err
		}
		c.saw(&page)
		return c.copy.Page(s.From, &page)
	}
	if held, err := c.hold(ctx, s.From); held {
		return err
	}
	if c.ahead != nil && c.ahead.from != s.From {
		c.dropAhead()
	}
	if c.ahead == nil {
		c.readAhead(ctx, s.From, patience)
	}
	a := c.ahead
	timer := time.NewTimer(c.due())
	defer timer.Stop()
	select {
	case <-a.done:
	case <-c.beingSaved():
		return nil
	case <-timer.C:
		if a.waits.Load() {
			c.limited()
		}
		return nil // The core asks for the same step.
	case <-ctx.Done():
		return ctx.Err()
	}
	a.cancel()
	c.ahead, c.room = nil, a.room
	if a.err != nil {
		return a.err
	}
	c.saw(&a.page)
	c.widen(a)
	if err := c.awaitLarger(ctx, a.page.Records); err != nil {
		c.giveRoom()
		return err
	}
	if err := c.copy.Page(s.From, &a.page); err != nil {
		return err
	}
	if next := a.page.Next; len(a.page.Records) > 0 && next > s.From {
		if ok, _ := c.admitted(next); ok {
			c.readAhead(ctx, next, patience)
		}
	}
	return nil
}

// errLeaderNew: the source has what was read of it, and does not tell so.
var errLeaderNew = errors.New("the source tells of an earlier end than was read: its leader is new, and yet to hear what the one before had told")

// lost returns nil if the source has lost what stood in front of an offset, as a page tells. A
// leader that is new has all of it, too, but tells of an earlier end until its replicas have
// said that they do.
func (c *Copier) lost(ctx context.Context, before int64, page *mirror.Source) error {
	at, err := c.read(ctx, before, 0, Reading{Anew: true})
	if err == nil && (at.End >= before || at.ID != page.ID) {
		return fmt.Errorf("compare what was copied with the source, up to offset %d: it ends at %d: %w", before, page.End, errLeaderNew)
	}
	return err
}

// awaitLarger waits for a target that does not take a record of a page, once for each record:
// its setting may be about to be raised.
func (c *Copier) awaitLarger(ctx context.Context, records []events.Record) error {
	for i := range records {
		if r := &records[i]; c.mayWait(r.Offset) && c.copy.Exceeds(r) {
			return c.wait(ctx, r.Offset)
		}
	}
	return nil
}

// mayWait tells whether a record that the target does not take may wait: it has not, and the
// last wait was long ago, so that many such records are not slow. While it compares keys a copy
// has a turn, which others wait for.
func (c *Copier) mayWait(offset int64) bool {
	return c.cfg.Larger != nil && c.copy.State() != mirror.Sweeping && offset >= c.waited && !time.Now().Before(c.waitAt)
}

// wait waits for a record, and takes no more than a tenth of the time of a copy in which many
// have to wait.
func (c *Copier) wait(ctx context.Context, offset int64) error {
	began := time.Now()
	c.cfg.Larger(ctx)
	took := time.Since(began)
	c.waited, c.waitAt = offset+1, time.Now().Add(max(c.every, 9*took))
	return ctx.Err()
}

// saw notes how far the source goes.
func (c *Copier) saw(page *mirror.Source) {
	c.report.SourceStart, c.report.SourceEnd, c.report.SourceID = page.Start, page.End, page.ID
	c.report.SeenAt = time.UnixMilli(page.At)
}

// oldest is the timestamp of the record that comes next; 0 if it is not read.
func (c *Copier) oldest() int64 {
	if t := c.copy.Waiting(); t > 0 {
		return t
	}
	a := c.ahead
	if a == nil {
		return 0
	}
	select {
	case <-a.done:
		if len(a.page.Records) > 0 && a.from == c.report.Next {
			return a.page.Records[0].Timestamp
		}
	default:
	}
	return 0
}

// spacing is how long to wait between two reports at least: one that would not say how old
// what waits is waits until the next page is read, for a while.
func (c *Copier) spacing() time.Duration {
	if c.report.Oldest == 0 && c.report.Behind() > 0 {
		return 2 * c.every
	}
	return c.every
}

// due is how long the source may be waited for before something else has to be done. The end
// of a checkpoint that is being saved is waited for beside it, see beingSaved.
func (c *Copier) due() time.Duration {
	wait := patience
	if c.renewal > 0 {
		wait = min(wait, c.renewal-time.Since(c.renewed))
	}
	if mark, ok := c.copy.Checkpoint(); ok && c.saving == nil && !same(&mark, &c.saved) {
		wait = min(wait, time.Until(c.saveAt))
	}
	if c.cfg.Report != nil && c.told.differs(&c.report) {
		wait = min(wait, c.spacing()-time.Since(c.toldAt))
	}
	return max(wait, time.Millisecond)
}

const (
	// far is how long a full page of a source takes at least that is far away.
	far = 10 * time.Millisecond
	// widest is how many places a page takes at most.
	widest = 4
)

// widen makes the pages of a source that is far away larger while the copy is behind: each
// costs a round trip, whatever its size.
func (c *Copier) widen(a *ahead) {
	switch behind := a.page.Next < a.page.End; {
	case !behind:
		c.pages = 1
	case a.took >= far:
		c.pages = min(widest, 2*c.pages)
	}
}
