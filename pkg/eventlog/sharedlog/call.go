package sharedlog

import (
	"encoding/binary"
	"encoding/hex"

	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Horizon is how many offsets a record may stand behind what its writer had seen.
const Horizon = 1_000_000

// CallID tells one call from all others: 16 random bytes.
type CallID [16]byte

// String is the ID in hexadecimal digits, as in the header ce_id.
func (id CallID) String() string { return hex.EncodeToString(id[:]) }

// Call is a call at its place in the log.
type Call struct {
	ID CallID
	// Seen is the offset below which its writer had folded the log.
	Seen int64
	// Offset is its place. In a mirror: its place in the log that is mirrored.
	Offset int64
	// Now is the time of the log, in milliseconds since the log began.
	Now  int64
	Type events.Type
	// Message is what is asked; nil if the type is not known or the data cannot be read.
	Message proto.Message
}

// Verdict is what a log has decided of a call.
type Verdict struct {
	// Code is empty if the call was accepted.
	Code events.Code
	// Offset is where the first record of the call stands.
	Offset int64
}

// Accepted tells whether the call was.
func (v Verdict) Accepted() bool { return v.Code == "" }

// Encode makes the record of a call. Equal arguments give equal bytes.
func Encode(e events.Encoder, id CallID, seen int64, m proto.Message, extra ...events.Header) (events.Record, error) {
	return placed(id, seen).encode(e, m, extra)
}

// place is what the two headers of a call hold.
type place struct {
	id   CallID
	seen [8]byte
}

func placed(id CallID, seen int64) *place {
	p := &place{id: id}
	binary.BigEndian.PutUint64(p.seen[:], uint64(seen))
	return p
}

// encode makes the record, which refers to p.
func (p *place) encode(e events.Encoder, m proto.Message, extra []events.Header) (events.Record, error) {
	var digits [2 * len(p.id)]byte // On the stack.
	hex.Encode(digits[:], p.id[:])
	r, err := e.Encode(string(digits[:]), m,
		events.Header{Key: events.HeaderCall, Value: p.id[:]},
		events.Header{Key: events.HeaderSeen, Value: p.seen[:]})
	r.Headers = append(r.Headers, extra...)
	return r, err
}
