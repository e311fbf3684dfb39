package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
)

// HeaderSize is the length in bytes of a batch's header: all but its records.
const HeaderSize = 61

// Places in a batch's header.
const (
	atLength          = 8
	atLeaderEpoch     = 12
	atFormat          = 16
	atCRC             = 17
	atAttributes      = 21
	atLastOffsetDelta = 23
	atFirstTimestamp  = 27
	atMaxTimestamp    = 35
	atProducerID      = 43
	atProducerEpoch   = 51
	atSequence        = 53
	atRecords         = 57
)

// Bits of the attributes.
const (
	compressionMask = 0x07
	logAppendTime   = 0x08
	transactional   = 0x10
	control         = 0x20
)

// Errors of Read, Decode and Pieces. Every other error of theirs wraps ErrCorrupt.
var (
	// ErrPartial: the input ends before the batch does, as the last batch of a
	// fetch's answer may.
	ErrPartial = errors.New("the batch is cut short")
	// ErrCorrupt: the batch contradicts its checksum or itself.
	ErrCorrupt = errors.New("corrupt record batch")
	// ErrLarge: the batch opens to more than Decode takes at once; it is read in Pieces.
	ErrLarge = errors.New("the batch opens to too much to be read at once")
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// Producer is the place of a batch in an idempotent producer's sequence.
type Producer struct {
	ID       int64
	Epoch    int16
	Sequence int32
}

// NoProducer marks a batch of a producer that is not idempotent.
var NoProducer = Producer{ID: -1, Epoch: -1, Sequence: -1}

// Batch is a batch whose header was read and whose checksum is right.
type Batch struct {
	BaseOffset      int64
	LastOffsetDelta int32
	LeaderEpoch     int32
	FirstTimestamp  int64
	MaxTimestamp    int64
	Producer        Producer
	Count           int32

	attributes int16
	records    []byte
}

// Next is the offset after the batch, whether or not it has records left.
func (b *Batch) Next() int64 { return b.BaseOffset + int64(b.LastOffsetDelta) + 1 }

// Control tells a marker of a transaction from records.
func (b *Batch) Control() bool { return b.attributes&control != 0 }

// Transactional reports whether the batch belongs to a transaction.
func (b *Batch) Transactional() bool { return b.attributes&transactional != 0 }

// Compression is how the records are compressed.
func (b *Batch) Compression() Compression { return Compression(b.attributes & compressionMask) }

// Length is the size in bytes of the batch that data begins with, from its
// length field alone, or 0 if data ends before that field does.
func Length(data []byte) int {
	if len(data) < atLength+4 {
		return 0
	}
	return atLeaderEpoch + int(int32(binary.BigEndian.Uint32(data[atLength:])))
}

// Read reads the batch that data begins with and returns what follows it. The
// error is ErrPartial if data ends before the batch does.
func Read(data []byte) (b Batch, rest []byte, err error) {
	if len(data) <= atFormat {
		return b, data, ErrPartial
	}
	if f := data[atFormat]; f != 2 {
		return b, data, fmt.Errorf("%w: message format %d at offset %d; only version 2 (Kafka 0.11 and later) is read",
			ErrCorrupt, f, binary.BigEndian.Uint64(data))
	}
	n := Length(data)
	if n < HeaderSize {
		return b, data, fmt.Errorf("%w: a length of %d bytes; the header alone has %d", ErrCorrupt, n, HeaderSize)
	}
	if n > len(data) {
		return b, data, ErrPartial
	}
	b = parse(data[:n])
	want := binary.BigEndian.Uint32(data[atCRC:])
	if got := crc32.Checksum(data[atAttributes:n], castagnoli); got != want {
		return b, data, fmt.Errorf("%w: checksum of the batch at offset %d is %08x, its header says %08x",
			ErrCorrupt, b.BaseOffset, got, want)
	}
	if b.BaseOffset < 0 || b.LastOffsetDelta < 0 || b.Count < 0 ||
		b.BaseOffset > math.MaxInt64-math.MaxInt32-1 {
		return b, data, fmt.Errorf("%w: base offset %d, last offset delta %d, %d records",
			ErrCorrupt, b.BaseOffset, b.LastOffsetDelta, b.Count)
	}
	return b, data[n:], nil
}

func parse(d []byte) Batch {
	be := binary.BigEndian
	return Batch{
		BaseOffset:      int64(be.Uint64(d)),
		LastOffsetDelta: int32(be.Uint32(d[atLastOffsetDelta:])),
		LeaderEpoch:     int32(be.Uint32(d[atLeaderEpoch:])),
		FirstTimestamp:  int64(be.Uint64(d[atFirstTimestamp:])),
		MaxTimestamp:    int64(be.Uint64(d[atMaxTimestamp:])),
		Producer: Producer{
			ID:       int64(be.Uint64(d[atProducerID:])),
			Epoch:    int16(be.Uint16(d[atProducerEpoch:])),
			Sequence: int32(be.Uint32(d[atSequence:])),
		},
		Count:      int32(be.Uint32(d[atRecords:])),
		attributes: int16(be.Uint16(d[atAttributes:])),
		records:    d[HeaderSize:],
	}
}

// Size is the length in bytes of the whole batch.
func (b *Batch) Size() int { return HeaderSize + len(b.records) }

// Records is how many records the batch says it has that data, at least a header long,
// begins with.
func Records(data []byte) int32 { return int32(binary.BigEndian.Uint32(data[atRecords:])) }

// LeaderEpoch is that of the leader which appended the batch that data, at least a header
// long, begins with.
func LeaderEpoch(data []byte) int32 {
	return int32(binary.BigEndian.Uint32(data[atLeaderEpoch:]))
}

// After is the offset behind the batch that data, at least a header long, begins with.
func After(data []byte) int64 {
	return int64(binary.BigEndian.Uint64(data)) + int64(int32(binary.BigEndian.Uint32(data[atLastOffsetDelta:]))) + 1
}

// Greatest is the greatest timestamp that its header says it has.
func Greatest(data []byte) int64 { return int64(binary.BigEndian.Uint64(data[atMaxTimestamp:])) }
