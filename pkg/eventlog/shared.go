package eventlog

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// NewSharedReader returns a reader of a log with many writers (package sharedlog). It
// begins at offset 0, and visits each record that is a call, with Call set: nothing else
// is judged here, because the fold decides.
func NewSharedReader(log Log, topic string, partition int32) *Reader {
	r := NewReader(log, topic, partition)
	r.shared = true
	return r
}

// readerOf returns a reader from offset 0 on of the kind of log that a snapshot is of.
func readerOf(log Log, m *events.LogSnapshot) *Reader {
	r := NewReader(log, m.Topic, m.Partition)
	r.shared = ofShared(m)
	return r
}

// ofShared tells whether a snapshot is of a shared log: no claim stands in it, whereas a
// snapshot of an owned log stands behind a batch of its owner.
func ofShared(m *events.LogSnapshot) bool { return m.Epoch == 0 }

// call visits a record of a shared log, if it is a call.
func (r *Reader) call(one []events.Record) {
	rec := &one[0]
	call, seen, why := callOf(rec)
	if why != Counts {
		r.skip(why, one)
		return
	}
	r.judge.History, r.hashed = hashCall(r.judge.History, call, seen, rec, r.hashed[:0])
	if r.visit == nil {
		return
	}
	r.called = events.Called{ID: [callBytes]byte(call), Seen: int64(binary.BigEndian.Uint64(seen))}
	l := events.Logged{Offset: rec.Offset, Type: events.TypeOfRecord(rec), Call: &r.called}
	if rec.Value != nil {
		l.Message = r.message(rec)
	}
	r.visit(l, rec)
}

// message is what a record of a shared log says; nil if it cannot be read.
func (r *Reader) message(rec *events.Record) proto.Message {
	if r.known != nil {
		if m := r.known(r.called.ID, rec); m != nil {
			return m
		}
	}
	m, err := events.Message(rec)
	if err != nil {
		return nil
	}
	return m
}

const (
	callBytes = 16
	seenBytes = 8
)

// callOf returns what the two headers of a call say: each must stand once, with its length.
func callOf(r *events.Record) (call, seen []byte, why Skip) {
	call, seen, ok := callHeaders(r)
	switch {
	case call == nil && seen == nil && ok:
		return nil, nil, SkipNoCall
	case !ok || len(call) != callBytes || len(seen) != seenBytes:
		return nil, nil, SkipBadCall
	}
	return call, seen, Counts
}

// callHeaders returns the values of the two headers, nil where one is missing; ok is
// false if one stands twice or is null.
func callHeaders(r *events.Record) (call, seen []byte, ok bool) {
	for i := range r.Headers {
		into := &call
		switch r.Headers[i].Key {
		case events.HeaderCall:
		case events.HeaderSeen:
			into = &seen
		default:
			continue
		}
		if *into != nil || r.Headers[i].Value == nil {
			return nil, nil, false
		}
		*into = r.Headers[i].Value
	}
	return call, seen, true
}

// hashCall is the history of a shared log behind a call: XXH64 over the eight bytes of
// the history before it, then its call ID, seen, ce_type and value, each preceded by its
// length as in Hash. They are put together in room, which is returned: hashing many small
// pieces takes longer.
func hashCall(prev uint64, call, seen []byte, r *events.Record, room []byte) (history uint64, used []byte) {
	typ, _ := r.Header(events.HeaderType)
	room = binary.BigEndian.AppendUint64(room, prev)
	for _, part := range [4][]byte{call, seen, typ, r.Value} {
		room = append(binary.BigEndian.AppendUint32(room, lengthOf(part)), part...)
	}
	return xxhash.Sum64(room), room
}

// Snapshot makes the snapshot of the fold, which is of everything below Next: of a shared
// log that is followed with a fold (an owned log's is made by its owner). About room
// bytes are expected; now is in milliseconds since the Unix epoch. It is nil if nothing
// stands below Next.
func (f *Follower) Snapshot(room, now int64) (*Snapshot, error) {
	if f.fold == nil || f.reader == nil || !f.reader.shared {
		return nil, nil
	}
	m := &events.LogSnapshot{}
	switch n := len(f.trail.marks); {
	case n > 0:
		newest := &f.trail.marks[n-1]
		m.Last, m.Print, m.Back, m.BackHistory = newest.last, newest.print, newest.base.at, newest.base.history
	case f.snapshot != nil:
		m = f.snapshot
	default:
		return nil, nil
	}
	snap, err := take(f.cfg.Topic, f.cfg.Partition, f.reader, &own{}, f.fold, room, now)
	if err == nil {
		is := snap.Manifest
		is.Last, is.Print, is.Back, is.BackHistory = m.Last, m.Print, m.Back, m.BackHistory
	}
	return snap, err
}
