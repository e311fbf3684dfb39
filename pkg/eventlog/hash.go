package eventlog

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/events"
)

// Hash is H(prev, batch) of wire.md: XXH64 over the eight bytes of prev, then
// the first record's spanway-inputs, then each record's ce_type and value, each
// of these preceded by its length in four bytes. Absent and null have the
// length 0xFFFFFFFF and no bytes. Integers are big-endian.
func Hash(prev uint64, batch []events.Record) uint64 {
	var inputs []byte
	if len(batch) > 0 {
		inputs, _ = batch[0].Header(events.HeaderInputs)
	}
	d, scratch := hashHead(prev, inputs)
	for i := range batch {
		typ, _ := batch[i].Header(events.HeaderType)
		for _, part := range [2][]byte{typ, batch[i].Value} {
			writeLength(&d, &scratch, part)
			_, _ = d.Write(part)
		}
	}
	return d.Sum64()
}

// hashCanonical is Hash for records whose types and values, each behind its
// length, already stand one after the other.
func hashCanonical(prev uint64, inputs, canonical []byte) uint64 {
	d, _ := hashHead(prev, inputs)
	_, _ = d.Write(canonical)
	return d.Sum64()
}

func hashHead(prev uint64, inputs []byte) (d xxhash.Digest, scratch [8]byte) {
	d.Reset()
	binary.BigEndian.PutUint64(scratch[:], prev)
	_, _ = d.Write(scratch[:])
	writeLength(&d, &scratch, inputs)
	_, _ = d.Write(inputs)
	return d, scratch
}

// noBytes is the length that stands for absent and null.
const noBytes = 0xFFFFFFFF

func lengthOf(part []byte) uint32 {
	if part == nil {
		return noBytes
	}
	return uint32(len(part))
}

func writeLength(d *xxhash.Digest, scratch *[8]byte, part []byte) {
	binary.BigEndian.PutUint32(scratch[:4], lengthOf(part))
	_, _ = d.Write(scratch[:4])
}
