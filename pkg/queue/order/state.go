package order

import (
	"encoding/binary"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/spanway/spanway/internal/idmap"
	"github.com/spanway/spanway/pkg/events"
)

// stateVersion is the newest of the bytes of a snapshot. In those of version 1 the creation of
// the queue is missing, and when leases end by the clocks of their holders. Version 3 is that of
// queues whose IDs are a sequence, which a binary of version 2 must not take for others; the
// states of all others have version 2.
const stateVersion = 3

// stateVersionOf is the version in which the state of a queue with these IDs is written.
func stateVersionOf(ids events.QueueIDs) byte {
	if ids == events.QueueIDs_QUEUE_IDS_SEQUENCE {
		return 3
	}
	return 2
}

// What a queue is, as snapshots say it.
const (
	stateNone = iota
	stateExists
	stateDeleted
)

// Snapshot appends the state to dst.
func (q *Queue) Snapshot(dst []byte) []byte {
	h := q.head()
	dst = slices.Grow(dst, q.index.room()) // Growing by and by copies a large state several times.
	if dst = h.append(dst); h.kind != stateExists {
		return dst
	}
	last := int64(0)
	var claimed []*claim
	q.index.after(-1, func(b *block, e *entry) bool {
		dst = appendEntry(dst, e.seq-last, e.payload, b.text[e.from:e.from+uint32(e.length)])
		last = e.seq
		if e.claimed {
			claimed = append(claimed, q.claims.bySeq[e.seq])
		}
		return true
	})
	dst = putUvarint(dst, len(claimed))
	for _, cl := range claimed {
		dst = cl.append(dst)
	}
	return q.past.append(dst)
}

// head is how the state of a queue begins; only of one that exists there is more than its
// kind and the time.
type head struct {
	kind  int64
	now   int64
	rules Rules
	// creation has 8 bytes in the state.
	creation uint64
	entries  int
}

func (q *Queue) head() head {
	h := head{kind: stateExists, now: q.now, rules: q.rules, creation: q.creation, entries: q.live.Len()}
	switch {
	case q.deleted:
		h.kind = stateDeleted
	case !q.exists:
		h.kind = stateNone
	}
	return h
}

func (h *head) version() byte {
	if h.kind != stateExists {
		return stateVersionOf(0)
	}
	return stateVersionOf(h.rules.IDs)
}

func (h *head) append(dst []byte) []byte {
	dst = putUvarint(putUvarint(append(dst, h.version()), h.kind), h.now)
	if h.kind != stateExists {
		return dst
	}
	for _, v := range []int64{h.rules.MaxEntries, h.rules.MaxBytes, h.rules.MaxEntryBytes, int64(h.rules.IDs)} {
		dst = putUvarint(dst, v)
	}
	dst = binary.BigEndian.AppendUint64(putText(dst, h.rules.Space), h.creation)
	return putUvarint(dst, h.entries)
}

// appendEntry appends an entry, so far behind the one before.
func appendEntry(dst []byte, further int64, payload uint32, id []byte) []byte {
	return append(putUvarint(putUvarint(putUvarint(dst, further), payload), len(id)), id...)
}

func (c *claim) append(dst []byte) []byte {
	begun := int64(0)
	if c.begun {
		begun = 1
	}
	for _, v := range []int64{c.seq, c.token, c.lease, c.ends, begun, c.until} {
		dst = putUvarint(dst, v)
	}
	return putText(dst, c.holder)
}

// Restore makes the state of a fresh queue equal to the one that gave these bytes.
func (q *Queue) Restore(state []byte) error {
	r := &reader{rest: state}
	v := r.bytes(1)
	if r.err == nil && (v[0] < 1 || v[0] > stateVersion) {
		return &newerError{version: uint32(v[0])}
	}
	kind := r.number()
	if q.now = r.number(); r.err == nil && (kind > stateDeleted || q.now > math.MaxInt64/2) {
		r.fail("what it is, or its time, is not known")
	}
	q.exists, q.deleted = kind != stateNone, kind == stateDeleted
	if kind == stateExists {
		q.restore(r, v[0])
	}
	if r.err == nil && len(r.rest) > 0 {
		r.fail("%d bytes are left over", len(r.rest))
	}
	return r.err
}

// restore reads the state of a queue that exists.
func (q *Queue) restore(r *reader, version byte) {
	s := &events.QueueSettings{MaxEntries: r.number(), MaxBytes: r.number(), MaxEntryBytes: r.number()}
	s.Ids = events.QueueIDs(min(r.number(), math.MaxInt32))
	s.Space = strings.Clone(r.text())
	rules, err := RulesOf(s)
	if r.err == nil && err != nil {
		r.fail("its rules: %v", err)
		return
	}
	if !versionFits(int64(version), rules.IDs) {
		r.fail("a state of version %d has IDs of kind %d", version, rules.IDs)
		return
	}
	q.rules, q.past = rules, newPast(rules.IDs)
	if b := r.creation(version); b != nil {
		q.creation = binary.BigEndian.Uint64(b)
	}
	n, last := r.count(3), int64(-1)
	keys, seqs := make([]idmap.ID, 0, n), make([]int64, 0, n)
	var line line
	for i := range n {
		seq := r.number()
		if i > 0 {
			seq += last
		}
		payload, id := r.number(), r.text()
		if r.err != nil {
			return
		}
		if seq <= last || payload > MaxEntryBytes || !q.past.takes(id) || !line.next(rules.IDs, id) {
			r.fail("entry %d is not one", i)
			return
		}
		last = seq
		q.hold(id, seq, uint32(payload))
		keys, seqs = append(keys, keyOf(id)), append(seqs, seq)
	}
	if q.live = idmap.Of(keys, seqs); q.live.Len() != n {
		r.fail("an ID stands there twice")
		return
	}
	q.restoreClaims(r, version)
	q.past.restore(r, &line)
}

// versionFits tells whether a state of a version may be of a queue with these IDs.
func versionFits(version int64, ids events.QueueIDs) bool {
	return (version > 2) == (stateVersionOf(ids) > 2)
}

func (q *Queue) restoreClaims(r *reader, version byte) {
	last := int64(-1)
	for range r.count(6) {
		cl := &claim{seq: r.number(), token: r.number(), lease: r.number(), ends: r.number()}
		begun := r.number()
		if version > 1 {
			cl.until = r.number()
		}
		cl.begun, cl.holder = begun == 1, strings.Clone(r.text())
		if r.err != nil {
			return
		}
		found := Entry{Seq: -1}
		if q.live.Len() > 0 {
			q.index.after(cl.seq-1, func(_ *block, e *entry) bool {
				found.Seq = e.seq
				return false
			})
		}
		if found.Seq != cl.seq || cl.seq <= last || cl.lease < 1 || cl.lease > MaxLease || cl.ends > math.MaxInt64/2+MaxLease || begun > 1 {
			r.fail("the claim of %d is not one", cl.seq)
			return
		}
		last = cl.seq
		q.index.claim(cl.seq, true)
		q.claims.add(cl)
	}
}

// newerError says that a state is of a version which this binary does not know.
type newerError struct{ version uint32 }

func (e *newerError) Error() string {
	return fmt.Sprintf("restore a queue: the state has version %d; this binary knows %d", e.version, stateVersion)
}

// NewerVersion is how package eventlog recognises the error.
func (e *newerError) NewerVersion() (version, known uint32) { return e.version, stateVersion }

func putUvarint[N int | int64 | uint16 | uint32 | uint64](dst []byte, n N) []byte {
	return binary.AppendUvarint(dst, uint64(n))
}

func putText(dst []byte, s string) []byte { return append(putUvarint(dst, len(s)), s...) }

// reader reads a state. After the first error all it reads is 0 and empty.
type reader struct {
	rest []byte
	err  error
	// texts is a piece of what is read, once more: texts are parts of it. So many bytes
	// of the state are left where it begins. What is kept of a text is cloned.
	texts string
	left  int
}

// atOnce is how much is made text at once: all of it would be a second copy of the state.
const atOnce = 64 << 10

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("restore a queue: "+format, args...)
	}
	r.rest = nil
}

// number reads one of at most 63 bits.
func (r *reader) number() int64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > math.MaxInt64 {
		r.fail("the state ends early, or a number is malformed")
		return 0
	}
	r.rest = r.rest[n:]
	return int64(v)
}

// count reads how many things follow that take so many bytes each, or more.
func (r *reader) count(least int) int {
	n := r.number()
	if n > int64(len(r.rest)/least) {
		r.fail("%d things are announced, and %d bytes follow", n, len(r.rest))
		return 0
	}
	return int(n)
}

// bytes reads so many; they are the state's.
func (r *reader) bytes(n int) []byte {
	if n > len(r.rest) {
		r.fail("the state ends early")
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}

// creation reads what tells the queue from others of its name; nil if the version has none.
func (r *reader) creation(version byte) []byte {
	if version < 2 {
		return nil
	}
	return r.bytes(8)
}

// peek returns the next bytes, and none if there are fewer.
func (r *reader) peek(n int) []byte {
	if n > len(r.rest) {
		return make([]byte, n)
	}
	return r.rest[:n]
}

func (r *reader) text() string {
	n := r.number()
	if n > int64(len(r.rest)) {
		r.fail("the state ends early")
		return ""
	}
	at := r.left - len(r.rest)
	if r.texts == "" || at+int(n) > len(r.texts) {
		at, r.left = 0, len(r.rest)
		r.texts = string(r.rest[:min(len(r.rest), max(int(n), atOnce))])
	}
	r.rest = r.rest[n:]
	return r.texts[at : at+int(n)]
}
