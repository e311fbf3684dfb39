package eventlog

import (
	"context"
	"math"
	"sort"

	"github.com/spanway/spanway/pkg/events"
)

// releasedPerRound bounds the events that one round looks at to send what was held
// back.
const releasedPerRound = 2_000

// maxOpen bounds the bytes of events that are kept because something that they, or
// events before them, cause is not acknowledged. Beyond it no inputs are decided. Only
// a test changes it.
var maxOpen int64 = 256 << 20

// heldBack is a partition that had no room. What goes there is not sent, and is not
// kept either: it is made again, in order, of the open events from one on. So all
// that a dead partition costs is that the open events stay, as they would anyhow: the
// log cannot say that they are published.
type heldBack struct {
	to   TopicPartition
	from int64 // the offset of the first event of which nothing was sent there
	room bool  // there was, when this round began to send
}

// takes tells whether a record that an event causes can be sent. From the first one
// on for which there is no room, all that goes to its partition is held back.
func (t *tenure[I]) takes(offset int64, out *events.Outgoing) bool {
	to := TopicPartition{out.Topic, out.Partition}
	if t.published.heldBack(to) != nil {
		return false
	}
	if t.Outbox.Room(out.Topic, out.Partition) {
		return true
	}
	t.published.held = append(t.published.held, heldBack{to: to, from: offset})
	if t.Hooks.HeldBack != nil {
		t.Hooks.HeldBack(to, true)
	}
	return false
}

func (p *publishing) heldBack(to TopicPartition) *heldBack {
	for i := range p.held {
		if p.held[i].to == to {
			return &p.held[i]
		}
	}
	return nil
}

// heldBelow is the offset below which nothing is held back.
func (p *publishing) heldBelow() int64 {
	below := int64(math.MaxInt64)
	for i := range p.held {
		below = min(below, p.held[i].from)
	}
	return below
}

// release sends what was held back to partitions that have room again, the oldest
// first. It returns whether there is more that could be sent at once.
func (t *tenure[I]) release(ctx context.Context) (more bool, err error) {
	p := &t.published
	from := int64(math.MaxInt64)
	for i := range p.held {
		h := &p.held[i]
		if h.room = t.Outbox.Room(h.to.Topic, h.to.Partition); h.room {
			from = min(from, h.from)
		}
	}
	if from == math.MaxInt64 {
		return false, nil
	}
	end := t.lookedBelow()
	at := sort.Search(len(p.open), func(i int) bool { return p.open[i].Offset >= from })
	for n := 0; at < len(p.open) && p.open[at].Offset < end; at, n = at+1, n+1 {
		if n == releasedPerRound || t.pages.fetched >= fetchesPerRound {
			end, more = p.open[at].Offset, true
			break
		}
		e := &p.open[at]
		if err := t.publishSome(ctx, e.Logged, e.timestamp, t.releases); err != nil {
			return false, err
		}
	}
	t.released(end, !more)
	return more, nil
}

// releases tells whether a record that was held back can be sent.
func (t *tenure[I]) releases(offset int64, out *events.Outgoing) bool {
	h := t.published.heldBack(TopicPartition{out.Topic, out.Partition})
	if h == nil || !h.room || h.from > offset {
		return false // It was sent before, or there is no room for what comes before it.
	}
	if !t.Outbox.Room(out.Topic, out.Partition) {
		h.from, h.room = offset, false
	}
	return h.room
}

// released notes that what goes to the partitions which have room was sent up to an
// offset: all of it, if that is the newest.
func (t *tenure[I]) released(end int64, all bool) {
	p := &t.published
	kept := p.held[:0]
	for _, h := range p.held {
		if h.room {
			h.from = max(h.from, end)
		}
		if !h.room || !all {
			kept = append(kept, h)
		} else if t.Hooks.HeldBack != nil {
			t.Hooks.HeldBack(h.to, false)
		}
	}
	p.held = kept
}

// wait lets an owner that decides nothing wait for room, or for a claim.
func (t *tenure[I]) wait(ctx context.Context) error {
	page, err := t.Log.Fetch(ctx, t.reader.next, t.IdleWait)
	if err != nil || len(page.Records) > 0 {
		t.tailAt = 0 // Why, its tail tells.
	}
	return ctx.Err()
}
