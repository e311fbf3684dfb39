package lease

import (
	"bytes"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

const (
	// outputEvery lies between two reports of an attempt's output, and between
	// its first byte and the first report: what comes meanwhile goes together.
	outputEvery = 250
	// outputPiece is how much one report holds.
	outputPiece = 16 << 10
	// MaxOutputBytes is how much of an attempt's output is reported.
	MaxOutputBytes = 256 << 10
	// leftOut tells, as the last output, that there was more.
	leftOut = "[output beyond 256 KiB is left out]\n"
)

// output is what an attempt has written and nobody has been told of yet. Unlike
// progress all of it counts, in its order within each stream.
type output struct {
	streams []stream // the one that waits longest for its turn first
	taken   int      // bytes, of all streams, ever
	cut     bool     // there was more
	noted   bool     // and that was said
	due     int64    // when the next piece is reported; 0: nothing is to be reported
}

// stream is the output of one content type.
type stream struct {
	typ  string
	data []byte
}

// Wrote takes output of a handler that still runs: a piece of the stream that a
// content type names. It is false if the attempt is not held any more.
func (h *Holder) Wrote(now int64, token events.Token, typ string, data []byte) ([]Action, bool) {
	h.begin(now)
	a := h.held[token]
	if a == nil {
		return h.out, false
	}
	if a.output == nil {
		a.output = &output{}
	}
	a.output.add(typ, data)
	h.schedule(a)
	return h.out, true
}

// schedule sees to it that what there is to report is reported.
func (h *Holder) schedule(a *Attempt) {
	if a.output.due == 0 && a.output.pending(false) {
		a.output.due = h.now + outputEvery
		h.writing = append(h.writing, a)
	}
}

// reportOutput reports one piece for each attempt that has any and waited.
func (h *Holder) reportOutput() {
	for len(h.writing) > 0 && h.writing[0].output.due <= h.now {
		a := h.writing[0]
		h.writing = h.writing[1:]
		a.output.due = 0
		if h.held[a.Token] == a {
			typ, data := a.output.piece(false)
			h.sayProgress(a, typ, data)
			h.schedule(a)
		}
	}
}

// flushOutput reports all that is left of an attempt that ends.
func (h *Holder) flushOutput(a *Attempt) {
	for a.output != nil && a.output.pending(true) {
		typ, data := a.output.piece(true)
		h.sayProgress(a, typ, data)
	}
}

func (o *output) add(typ string, data []byte) {
	room := MaxOutputBytes - o.taken
	more := len(data) > room
	data = data[:min(len(data), room)]
	o.taken += len(data)
	if i := slices.IndexFunc(o.streams, func(s stream) bool { return s.typ == typ }); i >= 0 {
		o.streams[i].data = append(o.streams[i].data, data...)
	} else {
		o.streams = append(o.streams, stream{typ, data})
	}
	if more && !o.cut {
		o.cut = true // What follows a gap is left out, and so are characters that it would complete.
		for i := range o.streams {
			o.streams[i].data = events.Whole(o.streams[i].data)
		}
	}
}

// ready tells whether something of a stream can be reported. The beginning of a
// character waits for its rest, unless this is the last chance.
func (s stream) ready(last bool) bool {
	return len(s.data) > 0 && (last || len(events.Whole(s.data)) > 0)
}

func (o *output) pending(last bool) bool {
	return slices.ContainsFunc(o.streams, func(s stream) bool { return s.ready(last) }) || o.cut && !o.noted
}

// piece takes what is to be reported next. Something is pending.
func (o *output) piece(last bool) (typ string, data []byte) {
	for i := range o.streams {
		if s := o.streams[i]; s.ready(last) {
			data = lines(s.data, last)
			if s.data = s.data[len(data):]; len(s.data) == 0 {
				s.data = nil
			}
			o.streams = append(append(o.streams[:i:i], o.streams[i+1:]...), s)
			return s.typ, data
		}
	}
	o.noted = true
	return events.ContentStderr, []byte(leftOut)
}

// lines takes as many whole lines from the front of b as fit into a report. If
// no line ends there it takes what there is, but tears no character; and if it
// is the last chance, it leaves nothing that fits.
func lines(b []byte, last bool) []byte {
	if last && len(b) <= outputPiece {
		return b
	}
	fits := b[:min(len(b), outputPiece)]
	if end := bytes.LastIndexByte(fits, '\n'); end >= 0 {
		return fits[:end+1]
	}
	return events.Whole(fits)
}
