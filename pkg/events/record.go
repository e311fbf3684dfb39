package events

// Record is one Kafka record, whoever carries it. Slices are owned by whoever
// made the record and are read-only for all others.
type Record struct {
	// Offset is its place in its partition; 0 before it was appended.
	Offset int64
	// Timestamp is in milliseconds since the Unix epoch.
	Timestamp int64
	Key       []byte
	// Value is nil for a null value, which is not the empty one.
	Value []byte
	// Encoded are headers that a reader was asked to leave as they are. They come before
	// Headers. Nil, but for copies: whoever reads a log has all in Headers.
	Encoded EncodedHeaders
	Headers []Header
}

// Header is one header of a record. Keys may repeat; a nil Value is null.
type Header struct {
	Key   string
	Value []byte
}

// Header returns the value of the first header with that key.
func (r *Record) Header(key string) (value []byte, ok bool) {
	if value, ok = r.Encoded.find(key); ok {
		return value, true
	}
	for i := range r.Headers {
		if r.Headers[i].Key == key {
			return r.Headers[i].Value, true
		}
	}
	return nil, false
}

// AllHeaders are those that are encoded and Headers, in their order. The slice is the
// record's own if none are encoded.
func (r *Record) AllHeaders() []Header {
	if len(r.Encoded) == 0 {
		return r.Headers
	}
	var all []Header
	for key, value := range r.Encoded.All() {
		all = append(all, Header{string(key), value})
	}
	return append(all, r.Headers...)
}

// Size estimates the bytes that the record takes in an uncompressed batch; it
// is never less than what it takes.
func (r *Record) Size() int {
	const overhead, headerOverhead = 32, 10
	n := overhead + len(r.Key) + len(r.Value) + len(r.Encoded)
	for i := range r.Headers {
		n += headerOverhead + len(r.Headers[i].Key) + len(r.Headers[i].Value)
	}
	return n
}

// Page is a run of records read from a partition.
type Page struct {
	// Records are in the order of their offsets, which may have gaps.
	Records []Record
	// Next is the offset to go on from, past control and empty batches too.
	Next int64
	// Start is the first offset still kept.
	Start int64
	// End is the offset that the next record will get (of the last stable one
	// where transactions are open): Next == End means read to the end.
	End int64
	// Term is another number than that of the page before if what that one held may
	// be gone since, and other records have its offsets: another leader answered, or
	// the connection was lost in between.
	Term int64
}
