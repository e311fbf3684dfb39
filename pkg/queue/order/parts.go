package order

import (
	"bufio"
	"bytes"
	"io"
	"iter"
	"slices"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/eventlog/sharedlog"
	"github.com/spanway/spanway/pkg/events"
)

// Parts folds calls into a state that is not held: it stands in a file, as Snapshot writes
// it. It is the sharedlog.Parts of queues, and for one goroutine.
//
// Of a state, calls look at: the entries and the removed IDs that they name; the entries
// that have claims, for a lease may end; and, of a claim that names no entry, the first
// entries that are free; a trim takes the entries up to a number. A part is a state with these alone. Entries that are free and not
// named are taken by such claims only, always the first ones: so of these a part needs as
// many as all of its claims ask for. How many entries and bytes there are besides is known.
type Parts struct {
	head   head // of the whole
	claims []*claim

	// Of the part that was made last: the sequence numbers of its entries, how many bytes
	// the others have, and where in the whole stands what is remembered of removed ones.
	kept   []int64
	bytes  int64
	pastAt int64
}

// nothing is what Brief puts in the place of payloads.
var nothing [MaxEntryBytes + 1]byte

// Brief drops from a message what no queue looks at, the bytes of the payload: their number
// is what counts. It returns about how much memory the message and its effects take.
func (p *Parts) Brief(m proto.Message) int {
	const perCall, perEntry = 400, 200
	switch m := m.(type) {
	case *events.QueueEnqueued:
		m.Payload = nothing[:min(len(m.Payload), len(nothing))]
		return perCall + len(m.PayloadType) + len(m.Id)
	case *events.QueueClaimed:
		n := perCall + perEntry*int(max(0, min(m.Count, MaxClaimed)))
		for _, id := range m.Ids {
			n += perEntry + len(id)
		}
		return n
	case nil:
		return perCall
	default:
		return perCall + proto.Size(m)
	}
}

// Creation is as that of a Queue.
func (p *Parts) Creation() uint64 { return p.head.creation }

// Open takes a whole state, and checks it.
func (p *Parts) Open(whole *io.SectionReader) error {
	s := from(whole, 0)
	*p = Parts{head: s.head}
	if s.head.kind != stateExists {
		return s.end()
	}
	kind, line := newPast(s.head.rules.IDs), line{}
	for e, ok := s.entry(); ok; e, ok = s.entry() {
		if id := string(e.id); !kind.takes(id) || !line.next(kind.kind, id) {
			s.fail("the ID of entry %d is not one", e.seq)
		}
	}
	p.claims = s.claims()
	g := s.gone(&line)
	for _, ok := g.next(); ok; _, ok = g.next() {
	}
	return s.end()
}

// Part appends to dst the part of a whole state that calls look at.
func (p *Parts) Part(dst []byte, whole *io.SectionReader, calls []proto.Message) ([]byte, error) {
	s := from(whole, 0)
	p.head, p.kept, p.bytes, p.pastAt = s.head, p.kept[:0], 0, 0
	if s.head.kind != stateExists {
		return s.head.append(dst), s.err
	}
	n := namedBy(calls)
	entries := p.part(s, n)
	p.claims = s.claims()
	p.pastAt = s.at
	h := s.head
	h.entries = len(p.kept)
	dst = append(h.append(dst), entries...)
	dst = p.appendClaims(dst)
	past := n.past(s.gone(&line{}))
	return past.append(dst), s.end()
}

// part returns the entries of a part, and notes which they are. The claims stand behind the
// entries; they are those that were known before.
func (p *Parts) part(s *pieces, n *named) (entries []byte) {
	claims, last := p.claims, int64(0)
	for e, ok := s.entry(); ok; e, ok = s.entry() {
		_, keep := n.ids[string(e.id)]
		switch {
		case len(claims) > 0 && claims[0].seq <= e.seq:
			keep = true
			claims = s.claimed(e, claims)
		case !keep && n.trims(s.head.rules.IDs, e.id):
			keep = true
		case !keep && n.free > 0:
			keep = true
			n.free--
		}
		if !keep {
			p.bytes += int64(len(e.id)) + int64(e.payload)
			continue
		}
		entries = appendEntry(entries, e.seq-last, e.payload, e.id)
		p.kept, last = append(p.kept, e.seq), e.seq
	}
	return entries
}

func (p *Parts) appendClaims(dst []byte) []byte {
	dst = putUvarint(dst, len(p.claims))
	for _, cl := range p.claims {
		dst = cl.append(dst)
	}
	return dst
}

// Core returns an empty core for the part that was made last; it knows how much else there is.
func (p *Parts) Core() sharedlog.Core {
	q := New()
	q.apart, q.bytes = p.head.entries-len(p.kept), p.bytes
	return q
}

// Merge writes the whole state that comes of one, and of what became of its part.
func (p *Parts) Merge(w *bufio.Writer, whole *io.SectionReader, part []byte) error {
	now := newPieces(bytes.NewReader(part))
	h := now.head
	if h.kind != stateExists {
		*p = Parts{head: h}
		_, _ = w.Write(part)
		return now.end()
	}
	old := from(whole, 0)
	h.entries += old.head.entries - len(p.kept)
	_, _ = w.Write(h.append(nil))
	p.mergeEntries(w, old, now)
	p.claims = now.claims()
	_, _ = w.Write(p.appendClaims(nil))
	at := now.at
	var of, in *pieces
	writeGone(w, h.rules.IDs, func() (a, b *goneReader) {
		a = &goneReader{kind: h.rules.IDs}
		if p.pastAt > 0 {
			of = from(whole, p.pastAt)
			of.head = old.head
			a = of.gone(&line{})
		}
		in = from(io.NewSectionReader(bytes.NewReader(part), 0, int64(len(part))), at)
		in.head = h
		return a, in.gone(&line{})
	})
	p.head = h
	for _, s := range []*pieces{old, now, of} {
		if s != nil && s.err != nil {
			return s.err
		}
	}
	return in.end()
}

// mergeEntries writes the entries of a whole state that no part has, and those of the part.
func (p *Parts) mergeEntries(w *bufio.Writer, old, now *pieces) {
	kept, last := p.kept, int64(0)
	var room []byte
	put := func(e piece) {
		room = appendEntry(room[:0], e.seq-last, e.payload, e.id)
		_, _ = w.Write(room)
		last = e.seq
	}
	n, more := now.entry()
	for o, ok := old.entry(); ok; o, ok = old.entry() {
		if len(kept) > 0 && kept[0] == o.seq {
			kept = kept[1:]
			continue
		}
		for ; more && n.seq < o.seq; n, more = now.entry() {
			put(n)
		}
		put(o)
	}
	for ; more; n, more = now.entry() {
		put(n)
	}
}

// Exists tells whether the queue was created and is not deleted, Deleted whether it was.
func (p *Parts) Exists() bool { return p.head.kind == stateExists }

// Deleted tells whether the queue was.
func (p *Parts) Deleted() bool { return p.head.kind == stateDeleted }

// Now is the time of the log, in milliseconds.
func (p *Parts) Now() int64 { return p.head.now }

// Entries reads the entries of a whole state that stand behind a sequence number, in their
// order.
func (p *Parts) Entries(whole *io.SectionReader, after int64) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		s, claims := from(whole, 0), p.claims
		for e, ok := s.entry(); ok; e, ok = s.entry() {
			var cl *claim
			if len(claims) > 0 && claims[0].seq <= e.seq {
				cl = claims[0]
				claims = s.claimed(e, claims)
			}
			if e.seq <= after {
				continue
			}
			out := Entry{ID: string(e.id), Seq: e.seq, Size: int64(e.payload)}
			if cl != nil {
				out.Claim = cl.shown()
			}
			if !yield(out, nil) {
				return
			}
		}
		if s.err != nil {
			yield(Entry{}, s.err)
		}
	}
}

// from reads a whole state from a place on: 0 is its head; at another the head is unknown.
func from(whole *io.SectionReader, at int64) *pieces {
	r := io.NewSectionReader(whole, at, whole.Size()-at)
	if at == 0 {
		return newPieces(r)
	}
	return &pieces{r: bufio.NewReaderSize(r, pieceRoom), at: at, last: -1}
}

// named is what calls name.
type named struct {
	ids  map[string]struct{}
	free int // how many entries they may claim without naming them
	// through is up to which number of a sequence they trim; 0: they do not.
	through int64
}

// trims tells whether a call takes out an entry that it does not name.
func (n *named) trims(kind events.QueueIDs, id []byte) bool {
	if n.through == 0 || kind != events.QueueIDs_QUEUE_IDS_SEQUENCE {
		return false
	}
	s, ok := sequenceOf(string(id))
	return ok && s.Number <= uint64(n.through)
}

func namedBy(calls []proto.Message) *named {
	n := &named{ids: make(map[string]struct{}, len(calls))}
	for _, m := range calls {
		switch m := m.(type) {
		case *events.QueueClaimed:
			if len(m.Ids) == 0 && m.Count <= MaxClaimed {
				n.free += int(max(1, m.Count))
			}
			for _, id := range m.Ids {
				n.ids[id] = struct{}{}
			}
		case *events.QueueTrimmed:
			n.through = max(n.through, m.Through)
		case interface{ GetId() string }:
			n.ids[m.GetId()] = struct{}{}
		}
	}
	return n
}

// past is what of the removed IDs was named.
func (n *named) past(all *goneReader) past {
	out := newPast(all.kind)
	out.newest, out.sequence = all.newest, all.sequence
	if all.kind == events.QueueIDs_QUEUE_IDS_SEQUENCE {
		return out
	}
	if all.kind == events.QueueIDs_QUEUE_IDS_SPACE {
		var numbers []int64
		for id := range n.ids {
			if v, ok := number(id); ok {
				numbers = append(numbers, v)
			}
		}
		slices.Sort(numbers)
		for g, ok := all.next(); ok; g, ok = all.next() {
			for ; len(numbers) > 0 && numbers[0] <= g.to; numbers = numbers[1:] {
				if numbers[0] >= g.from {
					out.numbers.add(numbers[0])
				}
			}
		}
		return out
	}
	keys := make(map[key]string, len(n.ids))
	for id := range n.ids {
		keys[keyOf(id)] = id
	}
	for g, ok := all.next(); ok; g, ok = all.next() {
		if id, ok := keys[g.key]; ok {
			out.removed(id, g.key)
		}
	}
	return out
}
