package eventlog

import (
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cespare/xxhash/v2"
	"google.golang.org/protobuf/proto"

	"github.com/spanway/spanway/pkg/events"
)

// Snapshot is the fold of everything that counts in a log below an offset.
type Snapshot struct {
	// Manifest says of what; its Chunks are set once it was written.
	Manifest *events.LogSnapshot
	// Body is the runtime's own part, then what the fold made of its state.
	Body []byte
	// timestamp of the records that hold it: the host's time.
	timestamp int64
}

// own is the runtime's part of a state: a function of the log, as the fold's is.
type own struct {
	// through: the log says that everything caused below it was published.
	through int64
	// truncated: nobody refers to what is below it.
	truncated int64
	// loss is the newest loss of a tail that the log knows of: what had been seen.
	loss loss
	// open are the events at or after through, which the next owner publishes again.
	open []openEvent
	size int64 // of open, in bytes
}

// loss is an event that somebody had seen, and when it was found to be gone.
type loss struct {
	epoch, n uint32
	atMs     int64
}

// bodyVersion is the first byte of a body.
const bodyVersion = 1

// append appends the encoded part to dst; what follows it is the fold's.
func (o *own) append(dst []byte) ([]byte, error) {
	dst = append(dst, bodyVersion)
	dst = binary.AppendUvarint(dst, uint64(o.through))
	dst = binary.AppendUvarint(dst, uint64(o.truncated))
	dst = binary.AppendUvarint(dst, uint64(o.loss.epoch))
	dst = binary.AppendUvarint(dst, uint64(o.loss.n))
	dst = binary.AppendVarint(dst, o.loss.atMs)
	dst = binary.AppendUvarint(dst, uint64(len(o.open)))
	var value []byte
	for i := range o.open {
		e := &o.open[i]
		dst = binary.AppendUvarint(dst, uint64(e.Offset))
		dst = binary.AppendUvarint(dst, uint64(e.Epoch))
		dst = binary.AppendUvarint(dst, uint64(e.N))
		dst = binary.AppendVarint(dst, e.timestamp)
		var err error
		if value, err = (events.Encoder{}).AppendData(value[:0], e.Message); err != nil {
			return nil, fmt.Errorf("write the unpublished %s at %d into a snapshot: %w", e.Type, e.Offset, err)
		}
		dst = appendBytes(appendBytes(dst, []byte(e.Type)), value)
	}
	return dst, nil
}

func appendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}

var errCutShort = errors.New("the runtime's part of the body is cut short")

// parts splits a body into the runtime's part and the core's state. It is safe
// on any bytes: nothing is allocated that the bytes do not hold.
func (s *Snapshot) parts() (o own, state []byte, err error) {
	r := bytesReader{rest: s.Body}
	if v := r.byte(); v != bodyVersion && r.err == nil {
		return o, nil, &VersionError{What: "the body of a snapshot", Version: uint32(v), Known: bodyVersion}
	}
	o.through, o.truncated = r.offset(), r.offset()
	o.loss.epoch, o.loss.n = r.uint32(), r.uint32()
	o.loss.atMs = r.varint()
	for n := r.uvarint(); n > 0 && r.err == nil; n-- {
		e := openEvent{Logged: events.Logged{Offset: r.offset(), Epoch: r.uint32(), N: r.uint32()}}
		e.timestamp = r.varint()
		e.Type = events.Type(r.bytes())
		value := r.bytes()
		if r.err != nil {
			break
		}
		if e.Message = events.New(e.Type); e.Message == nil {
			return o, nil, fmt.Errorf("an unpublished event of the unknown type %.100q; upgrade this binary", e.Type)
		}
		if err := proto.Unmarshal(value, e.Message); err != nil {
			return o, nil, fmt.Errorf("read the unpublished %s at %d: %w", e.Type, e.Offset, err)
		}
		e.size = len(value)
		o.keep(e)
	}
	return o, r.rest, r.err
}

// State is what the fold made of its state; it is nil if the body is malformed.
func (s *Snapshot) State() []byte {
	_, state, err := s.parts()
	if err != nil {
		return nil
	}
	return state
}

// Hash is the XXH64 of the whole body: the manifest's StateHash.
func (s *Snapshot) Hash() uint64 { return xxhash.Sum64(s.Body) }

// judge is the chain as it was at the snapshot's offset.
func judgeOf(m *events.LogSnapshot) (Judge, error) {
	if len(m.ClaimId) != len(ClaimID{}) {
		return Judge{}, fmt.Errorf("the claim ID has %d bytes; it must have %d", len(m.ClaimId), len(ClaimID{}))
	}
	return Judge{History: m.History, Epoch: m.Epoch, Claim: ClaimID(m.ClaimId), ClaimedAt: m.ClaimedAt}, nil
}

// take makes the snapshot of a state that is wholly known to count. About room
// bytes are expected: growing to a large state copies it several times.
func take(topic string, partition int32, r *Reader, o *own, fold Fold, room, now int64) (*Snapshot, error) {
	body, err := o.append(make([]byte, 0, room))
	if err != nil {
		return nil, err
	}
	body = fold.Snapshot(body)
	return &Snapshot{
		Body: body, timestamp: now,
		Manifest: &events.LogSnapshot{
			Topic: topic, Partition: partition, Offset: r.next, FoldVersion: fold.FoldVersion(),
			Epoch: r.judge.Epoch, ClaimId: r.judge.Claim[:], ClaimedAt: r.judge.ClaimedAt, History: r.judge.History,
			Number: r.n, Inputs: string(r.positions.Append(nil)),
			StateHash: xxhash.Sum64(body), StateBytes: int64(len(body)),
			Floor: min(fold.Floor(), r.next), AtMs: now,
		},
	}, nil
}

// bytesReader reads what append wrote; after an error everything is zero.
type bytesReader struct {
	rest []byte
	err  error
}

func (r *bytesReader) fail() {
	r.rest = nil
	if r.err == nil {
		r.err = errCutShort
	}
}

func (r *bytesReader) byte() byte {
	if len(r.rest) == 0 {
		r.fail()
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *bytesReader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *bytesReader) varint() int64 {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.fail()
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *bytesReader) offset() int64 {
	v := r.uvarint()
	if v > 1<<62 {
		r.fail()
		return 0
	}
	return int64(v)
}

func (r *bytesReader) uint32() uint32 {
	v := r.uvarint()
	if v > 1<<32-1 {
		r.fail()
		return 0
	}
	return uint32(v)
}

func (r *bytesReader) bytes() []byte {
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		r.fail()
		return nil
	}
	b := r.rest[:n]
	r.rest = r.rest[n:]
	return b
}
