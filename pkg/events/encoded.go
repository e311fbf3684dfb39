package events

import (
	"encoding/binary"
	"iter"
	"strings"
)

// OwnHeaders is what the keys of all headers begin with that are Spanway's own.
const OwnHeaders = "spanway-"

// EncodedHeaders are the headers of a record as a batch of Kafka has them: their number,
// then each key and each value behind its length, all of them varints (zigzag) without
// padding. There is none among them whose key begins with OwnHeaders, so that none decides what
// becomes of a copy. Only what decodes batches makes them, and it has found them well-formed.
// They alias the batch.
type EncodedHeaders []byte

// Cut is the number of headers, and what stands behind it; none of what is malformed.
func (e EncodedHeaders) Cut() (n int, each []byte) {
	count, size := binary.Varint(e)
	if size <= 0 || count < 0 || count > int64(len(e)) {
		return 0, nil
	}
	return int(count), e[size:]
}

// All are the headers' keys and values, in their order, as far as they are well-formed.
// They alias e; a value is nil for null.
func (e EncodedHeaders) All() iter.Seq2[[]byte, []byte] {
	return func(yield func(key, value []byte) bool) {
		n, rest := e.Cut()
		for range n {
			var key, value []byte
			var ok bool
			if key, rest, ok = cutSized(rest); !ok {
				return
			}
			if value, rest, ok = cutSized(rest); !ok || !yield(key, value) {
				return
			}
		}
	}
}

// cutSized cuts bytes behind their length from the front; a length of -1 is null.
func cutSized(b []byte) (part, rest []byte, ok bool) {
	n, size := binary.Varint(b)
	if size <= 0 || n < -1 || n > int64(len(b)-size) {
		return nil, nil, false
	}
	if b = b[size:]; n < 0 {
		return nil, b, true
	}
	return b[:n:n], b[n:], true
}

// find is the value of the first header with a key.
func (e EncodedHeaders) find(key string) (value []byte, ok bool) {
	if len(e) == 0 || strings.HasPrefix(key, OwnHeaders) {
		return nil, false
	}
	for k, v := range e.All() {
		if string(k) == key {
			return v, true
		}
	}
	return nil, false
}
