package order

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/spanway/spanway/pkg/events"
)

// pieces reads a state from a stream, in the order in which Snapshot wrote it: the head,
// each entry, the claims, and what is remembered of the past. After the first error there
// is nothing more.
type pieces struct {
	r    *bufio.Reader
	at   int64 // how much was read
	head head
	// version is that of the state.
	version int64
	left    int   // entries that were not read
	last    int64 // the sequence number of the one before, -1 at first
	err     error
}

// pieceRoom is how much of a stream is read at once; no text of a state is longer.
const pieceRoom = 64 << 10

// newPieces reads the head of a state.
func newPieces(state io.Reader) *pieces {
	p := &pieces{r: bufio.NewReaderSize(state, pieceRoom), last: -1}
	p.version = p.number()
	if v := p.version; p.err == nil && (v < 1 || v > stateVersion) {
		p.err = &newerError{version: uint32(min(v, math.MaxUint32))}
		return p
	}
	p.head.kind, p.head.now = p.number(), p.number()
	if p.err == nil && (p.head.kind > stateDeleted || p.head.now > math.MaxInt64/2) {
		p.fail("what it is, or its time, is not known")
	}
	if p.err != nil || p.head.kind != stateExists {
		return p
	}
	s := &events.QueueSettings{MaxEntries: p.number(), MaxBytes: p.number(), MaxEntryBytes: p.number()}
	s.Ids = events.QueueIDs(min(p.number(), math.MaxInt32))
	s.Space = string(p.text())
	rules, err := RulesOf(s)
	if p.err == nil && err != nil {
		p.fail("its rules: %v", err)
	}
	if p.err == nil && !versionFits(p.version, rules.IDs) {
		p.fail("a state of version %d has IDs of kind %d", p.version, rules.IDs)
	}
	p.head.rules = rules
	if p.version > 1 {
		if b := p.take(8); b != nil {
			p.head.creation = binary.BigEndian.Uint64(b)
		}
	}
	p.head.entries = int(min(p.number(), math.MaxInt32))
	p.left = p.head.entries
	return p
}

func (p *pieces) fail(format string, args ...any) {
	if p.err == nil {
		p.err = fmt.Errorf("restore a queue: "+format, args...)
	}
}

// take returns the next n bytes, until more is read; nil if there are not so many.
func (p *pieces) take(n int) []byte {
	if p.err != nil {
		return nil
	}
	b, err := p.r.Peek(n)
	if err != nil {
		p.fail("the state ends early: %w", err)
		return nil
	}
	_, _ = p.r.Discard(n) // They are there.
	p.at += int64(n)
	return b
}

// number reads one of at most 63 bits.
func (p *pieces) number() int64 {
	if p.err != nil {
		return 0
	}
	b, err := p.r.Peek(binary.MaxVarintLen64)
	v, n := binary.Uvarint(b)
	switch {
	case n <= 0 && err != nil && !errors.Is(err, io.EOF):
		p.fail("%w", err)
		return 0
	case n <= 0 || v > math.MaxInt64:
		p.fail("the state ends early, or a number is malformed")
		return 0
	}
	p.take(n)
	return int64(v)
}

// text reads one; it stands until more is read.
func (p *pieces) text() []byte {
	n := p.number()
	if n > pieceRoom {
		p.fail("a text has %d bytes", n)
	}
	return p.take(int(min(n, pieceRoom)))
}

// piece is an entry that was read; its ID stands until more is read.
type piece struct {
	seq     int64
	payload uint32
	id      []byte
}

// entry reads the next one.
func (p *pieces) entry() (e piece, ok bool) {
	if p.left == 0 || p.err != nil {
		return e, false
	}
	p.left--
	further, payload, id, ok := p.quick()
	if !ok {
		further, payload, id = p.number(), p.number(), p.text()
	}
	e.seq = max(p.last, 0) + further
	e.payload, e.id = uint32(min(payload, MaxEntryBytes)), id
	if p.err == nil && (e.seq <= p.last || payload > MaxEntryBytes || len(e.id) > events.MaxIDBytes) {
		p.fail("the entry at %d, behind %d, is not one", e.seq, p.last)
	}
	p.last = e.seq
	return e, p.err == nil
}

// quick reads an entry at one go, if all of it is there: most are, and there are millions.
func (p *pieces) quick() (further, payload int64, id []byte, ok bool) {
	const most = 3*binary.MaxVarintLen64 + events.MaxIDBytes
	b, _ := p.r.Peek(most)
	a, n := binary.Uvarint(b)
	v, m := binary.Uvarint(b[max(n, 0):])
	at := max(n, 0) + max(m, 0)
	length, l := binary.Uvarint(b[at:])
	if at += max(l, 0); n <= 0 || m <= 0 || l <= 0 || a > math.MaxInt64 || v > math.MaxInt64 || length > uint64(len(b)-at) {
		return 0, 0, nil, false
	}
	end := at + int(length)
	_, _ = p.r.Discard(end) // It is there.
	p.at += int64(end)
	return int64(a), int64(v), b[at:end], true
}

// claims reads them, by their sequence numbers. They stand behind all entries.
func (p *pieces) claims() (all []*claim) {
	names, last := map[string]string{}, int64(-1) // Most holders hold several.
	for n := p.number(); n > 0 && p.err == nil; n-- {
		cl := &claim{seq: p.number(), token: p.number(), lease: p.number(), ends: p.number()}
		begun := p.number()
		if p.version > 1 {
			cl.until = p.number()
		}
		holder := p.text()
		if p.err == nil && (cl.seq <= last || cl.lease < 1 || cl.lease > MaxLease || cl.ends > math.MaxInt64/2+MaxLease || begun > 1) {
			p.fail("the claim of %d is not one", cl.seq)
		}
		name, ok := names[string(holder)]
		if !ok {
			name = strings.Clone(string(holder))
			names[name] = name
		}
		cl.begun, cl.holder, last = begun == 1, name, cl.seq
		all = append(all, cl)
	}
	return all
}

// claimed returns the claims behind the first, which is of an entry that was just read.
func (p *pieces) claimed(e piece, claims []*claim) []*claim {
	if claims[0].seq != e.seq {
		p.fail("the claim of %d is of no entry", claims[0].seq)
	}
	return claims[1:]
}

// end tells whether the state ends here.
func (p *pieces) end() error {
	if p.err != nil {
		return p.err
	}
	if _, err := p.r.Peek(1); !errors.Is(err, io.EOF) {
		p.fail("more is left over (%w)", err)
	}
	return p.err
}
