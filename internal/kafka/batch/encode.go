package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"math"
	"math/bits"
	"slices"

	"github.com/spanway/spanway/pkg/events"
)

// Append appends one batch with all records to dst, which it grows as needed
// and returns. Offsets count from 0, as a producer must write them; the records'
// own offsets are ignored. The batch belongs to no producer until Stamp.
// It fails on no records and on a batch of 2 GiB.
func Append(dst []byte, records []events.Record, c Compression) ([]byte, error) {
	start := len(dst)
	dst, err := AppendUnstamped(dst, records, c)
	if err == nil {
		Stamp(dst[start:], NoProducer)
	}
	return dst, err
}

// AppendUnstamped is Append without the checksum: what it appends is no batch until Stamp,
// which reads all of it once more.
func AppendUnstamped(dst []byte, records []events.Record, c Compression) ([]byte, error) {
	if len(records) == 0 {
		return dst, errors.New("encode a record batch: it has no records")
	}
	start, first, greatest := len(dst), records[0].Timestamp, records[0].Timestamp
	size := HeaderSize
	for i := range records {
		greatest = max(greatest, records[i].Timestamp)
		n := bodySize(&records[i], records[i].Timestamp-first, i)
		size += varintSize(int64(n)) + n
	}
	if size > math.MaxInt32 {
		return dst, fmt.Errorf("encode a record batch: %d records make %d bytes; at most %d fit", len(records), size, math.MaxInt32)
	}
	dst = slices.Grow(dst, size)
	dst = dst[:start+HeaderSize]
	for i := range records {
		dst = appendRecord(dst, &records[i], records[i].Timestamp-first, i)
	}
	dst, err := compress(dst, start+HeaderSize, c)
	if err != nil {
		return dst[:start], err
	}
	putHeader(dst[start:], len(records), first, greatest, c)
	return dst, nil
}

func putHeader(b []byte, count int, first, greatest int64, c Compression) {
	be := binary.BigEndian
	be.PutUint64(b, 0)
	be.PutUint32(b[atLength:], uint32(len(b)-atLeaderEpoch))
	be.PutUint32(b[atLeaderEpoch:], math.MaxUint32) // -1: the broker writes its own
	b[atFormat] = 2
	be.PutUint16(b[atAttributes:], uint16(c))
	be.PutUint32(b[atLastOffsetDelta:], uint32(count-1))
	be.PutUint64(b[atFirstTimestamp:], uint64(first))
	be.PutUint64(b[atMaxTimestamp:], uint64(greatest))
	be.PutUint32(b[atRecords:], uint32(count))
}

// Stamp makes an encoded batch p's and renews its checksum. Nothing else in it
// changes, so the same records can be sent again under another producer ID.
func Stamp(b []byte, p Producer) {
	be := binary.BigEndian
	be.PutUint64(b[atProducerID:], uint64(p.ID))
	be.PutUint16(b[atProducerEpoch:], uint16(p.Epoch))
	be.PutUint32(b[atSequence:], uint32(p.Sequence))
	be.PutUint32(b[atCRC:], crc32.Checksum(b[atAttributes:], castagnoli))
}

func appendRecord(dst []byte, r *events.Record, timeDelta int64, offsetDelta int) []byte {
	dst = binary.AppendVarint(dst, int64(bodySize(r, timeDelta, offsetDelta)))
	dst = append(dst, 0) // attributes: none are defined
	dst = binary.AppendVarint(dst, timeDelta)
	dst = binary.AppendVarint(dst, int64(offsetDelta))
	dst = appendBytes(dst, r.Key)
	dst = appendBytes(dst, r.Value)
	n, encoded := r.Encoded.Cut()
	dst = binary.AppendVarint(dst, int64(n+len(r.Headers)))
	dst = append(dst, encoded...)
	for i := range r.Headers {
		h := &r.Headers[i]
		dst = binary.AppendVarint(dst, int64(len(h.Key)))
		dst = append(dst, h.Key...)
		dst = appendBytes(dst, h.Value)
	}
	return dst
}

// appendBytes writes b behind its length; nil is null, length -1.
func appendBytes(dst, b []byte) []byte {
	if b == nil {
		return append(dst, 1)
	}
	dst = binary.AppendVarint(dst, int64(len(b)))
	return append(dst, b...)
}

// bodySize is the length of a record without the length field in front of it.
func bodySize(r *events.Record, timeDelta int64, offsetDelta int) int {
	headers, encoded := r.Encoded.Cut()
	n := 1 + varintSize(timeDelta) + varintSize(int64(offsetDelta)) +
		bytesSize(r.Key) + bytesSize(r.Value) + varintSize(int64(headers+len(r.Headers))) + len(encoded)
	for i := range r.Headers {
		h := &r.Headers[i]
		n += varintSize(int64(len(h.Key))) + len(h.Key) + bytesSize(h.Value)
	}
	return n
}

func bytesSize(b []byte) int {
	if b == nil {
		return 1
	}
	return varintSize(int64(len(b))) + len(b)
}

// varintSize is the length of v in zigzag encoding, 7 bits a byte.
func varintSize(v int64) int {
	zigzag := uint64(v<<1) ^ uint64(v>>63)
	return (bits.Len64(zigzag|1) + 6) / 7
}
