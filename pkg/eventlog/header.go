package eventlog

import (
	"encoding/binary"
	"fmt"

	"github.com/spanway/spanway/pkg/events"
)

// Header is the content of the header spanway-log, which is on the first record
// of every batch.
type Header struct {
	// At is the offset at which the writer expected the batch to land.
	At int64
	// Prev is the history on which the batch was decided, Hash the one after it.
	Prev, Hash uint64
	// Epoch of the writer's claim.
	Epoch uint32
	// Records in the batch, the first included.
	Records uint32
}

// HeaderSize is the length of an encoded Header in bytes.
const HeaderSize = 32

// Append appends the header's bytes to dst.
func (h Header) Append(dst []byte) []byte {
	dst = binary.BigEndian.AppendUint64(dst, uint64(h.At))
	dst = binary.BigEndian.AppendUint64(dst, h.Prev)
	dst = binary.BigEndian.AppendUint64(dst, h.Hash)
	dst = binary.BigEndian.AppendUint32(dst, h.Epoch)
	return binary.BigEndian.AppendUint32(dst, h.Records)
}

// ParseHeader reads what Append wrote.
func ParseHeader(b []byte) (Header, error) {
	if len(b) != HeaderSize {
		return Header{}, fmt.Errorf("header %s has %d bytes; it must have %d", events.HeaderLog, len(b), HeaderSize)
	}
	h := Header{
		At:      int64(binary.BigEndian.Uint64(b)),
		Prev:    binary.BigEndian.Uint64(b[8:]),
		Hash:    binary.BigEndian.Uint64(b[16:]),
		Epoch:   binary.BigEndian.Uint32(b[24:]),
		Records: binary.BigEndian.Uint32(b[28:]),
	}
	if h.Records == 0 {
		return Header{}, fmt.Errorf("header %s names 0 records; a batch has at least its first", events.HeaderLog)
	}
	return h, nil
}

// begin finds the header of a batch on its first record: ok tells whether the
// record has any, well-formed or not.
func begin(r *events.Record) (h Header, ok bool, err error) {
	var value []byte
	for i := range r.Headers {
		if r.Headers[i].Key != events.HeaderLog {
			continue
		}
		if ok {
			return Header{}, true, fmt.Errorf("header %s stands twice on one record", events.HeaderLog)
		}
		value, ok = r.Headers[i].Value, true
	}
	if ok {
		h, err = ParseHeader(value)
	}
	return h, ok, err
}
