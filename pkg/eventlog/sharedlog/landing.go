package sharedlog

import (
	"slices"
	"time"

	"github.com/spanway/spanway/pkg/events"
)

// landing are the calls of this host in the page that is folded. They are looked up together,
// and leave Host.calls together: if the fold took the lock for each record, it and those that
// make calls would wait for one another all the time. It is for the goroutine that folds.
type landing struct {
	records []events.Record
	calls   []*call // of each record, nil if it is not of a call that waits here
	next    int     // of records: those before it are folded
	ended   []*call // have their verdicts, and are in Host.calls still
}

// endedAtOnce is how many calls leave Host.calls together: who waits for room gets some before
// all of a page is folded.
const endedAtOnce = 256

// land looks the calls of a page up, and notes the oldest record that is to be folded. The page
// may be one that was folded, with which the log is compared.
func (h *Host) land(page events.Page) {
	l := &h.landing
	l.records, l.next = page.Records, 0
	clear(l.calls)
	l.calls = l.calls[:0]
	h.mu.Lock()
	defer h.mu.Unlock()
	if i := slices.IndexFunc(page.Records, func(r events.Record) bool { return r.Offset >= h.at.position }); i >= 0 {
		h.at.unread = time.UnixMilli(page.Records[i].Timestamp)
	}
	for i := range page.Records {
		var c *call
		if id, ok := page.Records[i].Header(events.HeaderCall); ok && len(id) == len(c.id) {
			c = h.calls[CallID(id)]
		}
		l.calls = append(l.calls, c)
	}
}

// at is the call of the record at an offset; nil if it is of no call that waits here. known is
// false if the record is not of the page.
func (l *landing) at(offset int64) (c *call, known bool) {
	for l.next < len(l.records) && l.records[l.next].Offset < offset {
		l.next++
	}
	if l.next == len(l.records) || l.records[l.next].Offset != offset {
		return nil, false
	}
	return l.calls[l.next], true
}

// waitingAt is the call with that ID that waits here, of the record at an offset; nil if none does.
func (h *Host) waitingAt(id CallID, offset int64) *call {
	if c, ok := h.landing.at(offset); ok {
		if c == nil || c.id != id || c.over.Load() {
			return nil
		}
		return c
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls[id]
}

// takeAt ends the wait of that call; nil if none waits.
func (h *Host) takeAt(id CallID, offset int64) *call {
	c := h.waitingAt(id, offset)
	if c == nil || c.over.Swap(true) {
		return nil
	}
	h.landing.ended = append(h.landing.ended, c)
	if len(h.landing.ended) >= endedAtOnce {
		h.mu.Lock()
		h.leave()
		h.mu.Unlock()
	}
	return c
}

// leave takes the calls that have their verdicts out of Host.calls; h.mu is held.
func (h *Host) leave() {
	for _, c := range h.landing.ended {
		h.remove(c)
	}
	clear(h.landing.ended)
	h.landing.ended = h.landing.ended[:0]
	h.move()
}

// remove takes a call out that has ended; h.mu is held.
func (h *Host) remove(c *call) {
	delete(h.calls, c.id)
	h.buffer -= c.size
}
