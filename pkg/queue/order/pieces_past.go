package order

import (
	"bufio"
	"cmp"
	"math"

	"github.com/spanway/spanway/pkg/events"
)

// gone is something that is remembered of removed entries: a key, of UUIDs under a minute,
// or an interval of numbers.
type gone struct {
	minute int64
	key    key
	interval
}

// compare orders what is remembered as a state does.
func (g *gone) compare(o *gone) int {
	return cmp.Or(cmp.Compare(g.minute, o.minute), g.key.compare(o.key), cmp.Compare(g.from, o.from))
}

// goneReader reads what is remembered, in its order. Without pieces there is nothing.
type goneReader struct {
	p      *pieces
	kind   events.QueueIDs
	newest int64
	// sequence is all that is remembered of one: next returns nothing of it.
	sequence sequence
	minutes  int64 // that were not begun
	left     int64 // keys of the minute, keys, or intervals
	minute   int64
	last     gone
	some     bool
}

// gone reads what is remembered. It stands behind the claims. line is of the entries that are
// held, if it is known.
func (p *pieces) gone(line *line) *goneReader {
	g := &goneReader{p: p, kind: p.head.rules.IDs, minute: -1}
	if g.kind == events.QueueIDs_QUEUE_IDS_UUIDV7 {
		g.newest, g.minutes = p.number(), p.number()
		return g
	}
	if g.kind == events.QueueIDs_QUEUE_IDS_SEQUENCE {
		if err := g.sequence.restore(p.number, line); err != nil {
			p.fail("%v", err)
		}
		return g
	}
	g.left = p.number()
	return g
}

func (g *goneReader) next() (is gone, ok bool) {
	for g.p != nil && g.left == 0 && g.minutes > 0 && g.p.err == nil {
		minute := g.p.number()
		if minute <= g.minute {
			g.p.fail("minutes of removed entries are not in their order")
		}
		g.minute, g.left, g.minutes = minute, g.p.number(), g.minutes-1
	}
	if g.p == nil || g.left == 0 || g.p.err != nil {
		return is, false
	}
	g.left--
	is = gone{minute: max(g.minute, 0)}
	if g.kind == events.QueueIDs_QUEUE_IDS_SPACE {
		is.from = g.last.to + g.p.number()
		is.to = is.from + g.p.number()
	} else {
		copy(is.key[:], g.p.take(len(is.key)))
	}
	if g.p.err == nil && (is.from < 0 || is.to < is.from || g.some && g.last.compare(&is) >= 0) {
		g.p.fail("what is remembered of removed entries is not in its order")
	}
	g.last, g.some = is, true
	return is, g.p.err == nil
}

// union calls see with all that two remember, in order: keys of minutes before oldest are
// left out, and intervals that touch are one.
func union(a, b *goneReader, oldest int64, see func(gone)) {
	var open *gone
	put := func(g gone) {
		switch {
		case g.minute < oldest:
		case a.kind != events.QueueIDs_QUEUE_IDS_SPACE:
			see(g)
		case open == nil:
			open = &g
		case g.from <= open.to || g.from == open.to+1:
			open.to = max(open.to, g.to)
		default:
			see(*open)
			*open = g
		}
	}
	x, more := a.next()
	y, ok := b.next()
	for more || ok {
		switch {
		case more && ok && x.compare(&y) == 0:
			x.to = max(x.to, y.to)
			y, ok = b.next()
		case more && (!ok || x.compare(&y) < 0):
			put(x)
			x, more = a.next()
		default:
			put(y)
			y, ok = b.next()
		}
	}
	if open != nil {
		see(*open)
	}
}

// minuteOf says how much is remembered of a minute.
type minuteOf struct {
	minute int64
	n      int
}

// writeGone writes what two remember together, as past.append does. open opens both anew:
// how much there is stands before it, so it is counted first.
func writeGone(w *bufio.Writer, kind events.QueueIDs, open func() (a, b *goneReader)) {
	a, b := open()
	if kind == events.QueueIDs_QUEUE_IDS_SEQUENCE { // The newer one is all.
		_, _ = w.Write(b.sequence.append(nil))
		return
	}
	newest, oldest := max(a.newest, b.newest), int64(math.MinInt64)
	if kind == events.QueueIDs_QUEUE_IDS_UUIDV7 {
		oldest = newest - uuidWindow
	}
	var minutes []minuteOf
	all := 0
	union(a, b, oldest, func(g gone) {
		if len(minutes) == 0 || minutes[len(minutes)-1].minute != g.minute {
			minutes = append(minutes, minuteOf{minute: g.minute})
		}
		minutes[len(minutes)-1].n++
		all++
	})
	var room []byte
	if kind == events.QueueIDs_QUEUE_IDS_UUIDV7 {
		room = putUvarint(putUvarint(room, newest), len(minutes))
	} else {
		room = putUvarint(room, all)
	}
	_, _ = w.Write(room)
	a, b = open()
	left, last := 0, int64(0)
	union(a, b, oldest, func(g gone) {
		room = room[:0]
		switch {
		case kind == events.QueueIDs_QUEUE_IDS_SPACE:
			room = putUvarint(putUvarint(room, g.from-last), g.to-g.from)
			last = g.to
		case kind == events.QueueIDs_QUEUE_IDS_UUIDV7 && left == 0:
			room = putUvarint(putUvarint(room, g.minute), minutes[0].n)
			left, minutes = minutes[0].n, minutes[1:]
			fallthrough
		default:
			room = append(room, g.key[:]...)
			left--
		}
		_, _ = w.Write(room)
	})
}
