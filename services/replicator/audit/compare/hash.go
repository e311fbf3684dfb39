package compare

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"github.com/spanway/spanway/pkg/events"
)

// Hash is a hash over what a copy keeps of a record, and the record's offset in the source:
// timestamp, key and value (null apart from empty), and the headers in their order, but for
// those of provenance. Sums of it tell two sets of records apart in any order.
func Hash(r *events.Record, origin int64) uint64 {
	var d xxhash.Digest
	d.Reset()
	var scratch [16]byte
	binary.BigEndian.PutUint64(scratch[:], uint64(origin))
	binary.BigEndian.PutUint64(scratch[8:], uint64(r.Timestamp))
	_, _ = d.Write(scratch[:])
	part := func(b []byte) {
		n := int64(len(b))
		if b == nil {
			n = -1
		}
		binary.BigEndian.PutUint64(scratch[:8], uint64(n))
		_, _ = d.Write(scratch[:8])
		_, _ = d.Write(b)
	}
	part(r.Key)
	part(r.Value)
	for i := range r.Headers {
		h := &r.Headers[i]
		if h.Key == events.HeaderOrigin || h.Key == events.HeaderTrail {
			continue
		}
		binary.BigEndian.PutUint64(scratch[:8], uint64(len(h.Key)))
		_, _ = d.Write(scratch[:8])
		_, _ = d.WriteString(h.Key)
		part(h.Value)
	}
	return d.Sum64()
}
