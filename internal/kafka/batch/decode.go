package batch

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"

	"github.com/spanway/spanway/pkg/events"
)

// minRecord is the least number of bytes that a record takes: seven fields of
// one byte. It bounds what a header may claim.
const minRecord = 7

// What a record takes in memory beside its bytes, and a header; a few bytes may be
// very many of them.
const (
	recordBytes = 112
	headerBytes = 40
	// maxHeaders of one record are read.
	maxHeaders = 1 << 16
)

// Decoder turns batches into records. It is not for concurrent use; what it
// has returned stays valid. The zero value is ready.
type Decoder struct {
	// Bytes is how much Decode has read, decompressed.
	Bytes int
	// Encoded leaves the headers of a record as they are (events.Record.Encoded), for a reader
	// who writes them on. They are decoded all the same where one is Spanway's own, or where
	// Append would write other bytes.
	Encoded bool
	slab    []events.Header // headers not handed out yet
	left    int             // records of the batch that are still to come
	last    []events.Header // those of the record before, whose keys are likely again the same
	cost    int             // of the batch's records, beside their bytes
	next    int64           // the least offset delta that the batch's next record may have
}

// Decode appends to dst the records of b from offset from on. Keys, values and
// header values alias the batch. Control batches hold no records for readers
// and add none. After ErrCorrupt the records before the bad one were appended, and
// after ErrLarge none.
func (d *Decoder) Decode(dst []events.Record, b *Batch, from int64) ([]events.Record, error) {
	if b.Control() || b.Count == 0 {
		return dst, nil
	}
	data, err := decompress(b.records, b.Compression())
	if errors.Is(err, ErrLarge) {
		return dst, err
	}
	if err != nil {
		return dst, fmt.Errorf("%w: batch at offset %d: %w", ErrCorrupt, b.BaseOffset, err)
	}
	if int64(b.Count) > int64(len(data)/minRecord) {
		return dst, fmt.Errorf("%w: batch at offset %d: %d records in %d bytes", ErrCorrupt, b.BaseOffset, b.Count, len(data))
	}
	before := len(dst)
	in := cursor{data: data}
	d.cost, d.next = 0, 0
	for i := range b.Count {
		d.left = int(b.Count - i)
		r := events.Record{}
		if !d.record(&in, b, &r) {
			return dst, fmt.Errorf("%w: batch at offset %d: record %d of %d, near byte %d", ErrCorrupt, b.BaseOffset, i+1, b.Count, in.at)
		}
		if d.cost > MaxDecompressed {
			return dst[:before], ErrLarge
		}
		if r.Offset >= from {
			dst = append(dst, r)
		}
	}
	d.Bytes += len(data)
	return dst, nil
}

// record reads one record; false means that it contradicts its own length or
// its batch.
func (d *Decoder) record(in *cursor, b *Batch, r *events.Record) bool {
	size := in.varint()
	if in.bad || size < minRecord-1 || size > int64(len(in.data)-in.at) {
		return false
	}
	end := in.at + int(size)
	return d.place(in, b, r) && d.body(in, end, r)
}

// place reads where and of when a record is; offsets only grow, or there were no
// going on from one of them.
func (d *Decoder) place(in *cursor, b *Batch, r *events.Record) bool {
	in.at++ // attributes
	timeDelta, offsetDelta := in.varint(), in.varint()
	if in.bad || offsetDelta < d.next || offsetDelta > int64(b.LastOffsetDelta) {
		return false
	}
	d.next = offsetDelta + 1
	r.Offset = b.BaseOffset + offsetDelta
	r.Timestamp = b.FirstTimestamp + timeDelta
	if b.attributes&logAppendTime != 0 {
		r.Timestamp = b.MaxTimestamp
	}
	return true
}

// body reads what stands behind a record's place, up to its end.
func (d *Decoder) body(in *cursor, end int, r *events.Record) bool {
	r.Key = in.bytes()
	r.Value = in.bytes()
	number := in.at
	headers := in.varint()
	if in.bad || headers < 0 || headers > int64(end-in.at)/2 {
		return false
	}
	d.cost += recordBytes
	switch {
	case headers > maxHeaders:
		*r = StandIn(r.Offset, r.Timestamp, fmt.Sprintf("a record with %d headers; at most %d are read", headers, maxHeaders))
		in.at = end
		return true
	case headers > 0 && d.Encoded && in.plain(int(headers)):
		r.Encoded = in.data[number:in.at:in.at]
	case headers > 0:
		d.cost += headerBytes * int(headers)
		r.Headers = d.headers(in, int(headers))
	}
	return !in.bad && in.at == end
}

// headers reads n headers into a slab, so that a page of records costs a few
// allocations and not one for each record.
func (d *Decoder) headers(in *cursor, n int) []events.Header {
	const maxSlab = 4096
	if len(d.slab) < n {
		d.slab = make([]events.Header, max(n, min(n*d.left, maxSlab)))
	}
	out := d.slab[:n:n]
	d.slab = d.slab[n:]
	for i := range out {
		key := in.bytes()
		if i < len(d.last) && d.last[i].Key == string(key) {
			out[i].Key = d.last[i].Key // the same string again: no allocation
		} else {
			out[i].Key = intern(key)
		}
		out[i].Value = in.bytes()
	}
	d.last = out
	return out
}

// intern returns a key as a string, without allocating for those that nearly
// every record has.
func intern(key []byte) string {
	switch string(key) {
	case events.HeaderSpecVersion:
		return events.HeaderSpecVersion
	case events.HeaderID:
		return events.HeaderID
	case events.HeaderSource:
		return events.HeaderSource
	case events.HeaderType:
		return events.HeaderType
	case events.HeaderContentType:
		return events.HeaderContentType
	case events.HeaderTraceparent:
		return events.HeaderTraceparent
	case events.HeaderTracestate:
		return events.HeaderTracestate
	case events.HeaderLog:
		return events.HeaderLog
	case events.HeaderInputs:
		return events.HeaderInputs
	case events.HeaderFrom:
		return events.HeaderFrom
	}
	return string(key)
}

// cursor reads fields one after the other; the first bad one makes bad stay
// true and everything after it empty.
type cursor struct {
	data []byte
	at   int
	bad  bool
	// padded: a number took more bytes than it needs, which Append never writes.
	padded bool
}

func (c *cursor) varint() int64 {
	if c.at < len(c.data) && c.data[c.at] < 0x80 { // one byte: nearly always
		v := c.data[c.at]
		c.at++
		return int64(v>>1) ^ -int64(v&1)
	}
	if c.at > len(c.data) {
		c.bad = true
		return 0
	}
	v, n := binary.Varint(c.data[c.at:])
	if n <= 0 {
		c.bad = true
		return 0
	}
	c.at += n
	c.padded = c.padded || c.data[c.at-1] == 0
	return v
}

// plain passes over n headers, and reports whether Append would write them just so and none is
// Spanway's own. If not they are still to be read.
func (c *cursor) plain(n int) bool {
	c.padded = false
	begin := *c
	for range n {
		key := c.bytes()
		c.bytes()
		if key == nil || c.bad || c.padded || own(key) {
			*c = begin
			return false
		}
	}
	return true
}

func own(key []byte) bool {
	const n = len(events.OwnHeaders)
	return len(key) >= n && string(key[:n]) == events.OwnHeaders
}

// bytes reads a length and as many bytes; a length of -1 is null.
func (c *cursor) bytes() []byte {
	n := c.varint()
	if n == -1 {
		return nil
	}
	if c.bad || n < 0 || n > math.MaxInt32 || int(n) > len(c.data)-c.at {
		c.bad = true
		return nil
	}
	b := c.data[c.at : c.at+int(n) : c.at+int(n)]
	c.at += int(n)
	return b
}

// Aborts reports whether a control batch is the marker of an aborted
// transaction, as against a committed one or a control of a kind unknown here.
func (b *Batch) Aborts() bool {
	if !b.Control() {
		return false
	}
	in := cursor{data: b.records}
	in.varint() // length
	in.at++     // attributes
	in.varint()
	in.varint()
	key := in.bytes() // version int16, type int16
	return !in.bad && len(key) >= 4 && binary.BigEndian.Uint16(key[2:]) == 0
}
